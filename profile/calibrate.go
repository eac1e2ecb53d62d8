package profile

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"time"
)

// CPU time in an operation, divided by what one such operation costs, says how
// many there were: the only way to count signatures in a service that does not
// count them itself. What one costs depends on the machine, on its clock rate
// and on who shares its caches now, so it is measured here, on this machine,
// right behind the window, while the target is still at work.
//
// On Linux the unit is the CPU time of the measuring thread, so that waiting for
// a busy CPU does not count. Elsewhere it is time on the wall.

const (
	// calibrationBudget is the CPU time spent on one algorithm. At the 1 ms of an
	// RSA-2048 signature it holds 50 of them, whose median is good to about 2 %.
	calibrationBudget = 50 * time.Millisecond
	// calibrationBatches is how many parts that is measured in: odd, so that the
	// median is one of them, and each long against the clock's microsecond.
	calibrationBatches = 9
	// leastBatches are what a low, a middle and a high need. Slow machines get no
	// more than these for slow operations.
	leastBatches = 3
	// maxCalibrations bounds the whole to 0.4 CPU seconds of a capture.
	maxCalibrations = 8
)

// An algorithm is an operation whose cost can be measured here.
type algorithm struct {
	operation string
	// functions are the entry points of which one call is one operation. Several
	// of them may be on one stack.
	functions []string
	// markers are called below functions if the key is of this size, in this Go
	// version or an older one. None is all its own: an RSA-2048 signature spends
	// 2 % in RSA-4096's marker, on checking itself. Where those of several
	// algorithms are met below the same functions, the one with the most samples
	// is right. Shares of the operation's samples, as measured with Go 1.26:
	//
	//	operation       1024    1536    2048    any size
	//	2048 sign       59 %            1–2 %
	//	3072 sign               64 %            3–4 %
	//	4096 sign                       70 %    3–4 %
	//	2048 verify                     76 %
	//	3072, 4096 verify                       41–51 %
	//	2048 parse      1.5 %           7.5 %
	//	3072 parse              3.7 %           13 %
	//	4096 parse                      2.2 %   16 %
	markers []string
	// prepare returns the operation, with keys made.
	prepare func() (run func() error, err error)
}

var (
	rsaSignFunctions   = []string{"crypto/rsa.SignPKCS1v15", "crypto/rsa.SignPSS"}
	rsaVerifyFunctions = []string{"crypto/rsa.VerifyPKCS1v15", "crypto/rsa.VerifyPSS"}

	ecdsaSignFunctions   = []string{"crypto/ecdsa.SignASN1", "crypto/ecdsa.Sign", "crypto/ecdsa.(*PrivateKey).Sign"}
	ecdsaVerifyFunctions = []string{"crypto/ecdsa.VerifyASN1", "crypto/ecdsa.Verify"}

	ed25519SignFunctions   = []string{"crypto/ed25519.Sign", "crypto/ed25519.PrivateKey.Sign"}
	ed25519VerifyFunctions = []string{"crypto/ed25519.Verify", "crypto/ed25519.VerifyWithOptions"}

	rsaParseFunctions = []string{"crypto/x509.ParsePKCS8PrivateKey", "crypto/x509.ParsePKCS1PrivateKey"}

	// The standard library has no function whose one call is one MAC, but the
	// most used JWT library has.
	hmacFunctions = []string{
		"github.com/golang-jwt/jwt/v5.(*SigningMethodHMAC).Sign",
		"github.com/golang-jwt/jwt/v5.(*SigningMethodHMAC).Verify",
		"github.com/golang-jwt/jwt/v4.(*SigningMethodHMAC).Sign",
		"github.com/golang-jwt/jwt/v4.(*SigningMethodHMAC).Verify",
		"github.com/golang-jwt/jwt.(*SigningMethodHMAC).Sign",
		"github.com/golang-jwt/jwt.(*SigningMethodHMAC).Verify",
	}

	// P-256 is told from the other curves by the type of its points.
	p256Markers = []string{
		"crypto/internal/fips140/nistec.(*P256Point).ScalarBaseMult", // Go 1.24 and later
		"crypto/internal/fips140/nistec.(*P256Point).ScalarMult",
		"crypto/internal/nistec.(*P256Point).ScalarBaseMult", // Go 1.19 to 1.23
		"crypto/internal/nistec.(*P256Point).ScalarMult",
	}
	// SHA-256 is told from SHA-384 and SHA-512 by its package.
	sha256Markers = []string{
		"crypto/internal/fips140/sha256.(*Digest).Write", // Go 1.24 and later
		"crypto/sha256.(*digest).Write",
	}
)

// algorithms is what can be calibrated. An operation whose cost depends on what
// it is given, as that of bcrypt or gzip does, cannot be.
var algorithms = []algorithm{
	{"rsa-2048-sign", rsaSignFunctions, bigmod(1024), rsaSign(2048)},
	{"rsa-3072-sign", rsaSignFunctions, bigmod(1536), rsaSign(3072)},
	{"rsa-4096-sign", rsaSignFunctions, bigmod(2048), rsaSign(4096)},
	{"rsa-2048-verify", rsaVerifyFunctions, bigmod(2048), rsaVerify(2048)},
	{"rsa-2048-parse-key", rsaParseFunctions, bigmod(2048), rsaParse(2048)},
	{"rsa-4096-parse-key", rsaParseFunctions, bigmodAny, rsaParse(4096)},
	{"ecdsa-p256-sign", ecdsaSignFunctions, p256Markers, ecdsaSign},
	{"ecdsa-p256-verify", ecdsaVerifyFunctions, p256Markers, ecdsaVerify},
	{"ed25519-sign", ed25519SignFunctions, nil, ed25519Sign},
	{"ed25519-verify", ed25519VerifyFunctions, nil, ed25519Verify},
	{"hmac-sha256", hmacFunctions, sha256Markers, hmacSHA256},
}

// bigmodAny is the loop for sizes that have none of their own, 3072 and 4096 bits
// among them. A key of 3072 bits, half as dear to parse, passes for one of 4096
// by it: fewer operations are seen than there were, and nothing is accused
// wrongly.
var bigmodAny = []string{"crypto/internal/fips140/bigmod.addMulVVW", "crypto/internal/bigmod.addMulVVW"}

// bigmod is the inner loop of modular arithmetic on numbers of so many bits:
// half the key's for its private operations, which work with each prime, and
// all of them for its public ones. Go had a loop of its own for each size from
// 1.20 on, and never one for more than 2048 bits.
func bigmod(bits int) []string {
	return []string{
		fmt.Sprintf("crypto/internal/fips140/bigmod.addMulVVW%d", bits), // Go 1.24 and later
		fmt.Sprintf("crypto/internal/bigmod.addMulVVW%d", bits),         // Go 1.20 to 1.23
	}
}

// calibrate measures those algorithms that the target was seen to use, and adds
// the results to c. The argument present says whether a function of that name
// is in the target's CPU profile.
func calibrate(ctx context.Context, c *Capture, present func(function string) bool) {
	new(calibrator).calibrate(ctx, c, present)
}

// calibrationLasts is how long a watch uses a calibration again. The clock rate
// and the neighbours may change sooner, but measuring with each window of 5 s
// would cost 1 % of a core for each operation.
const calibrationLasts = 10 * time.Minute

// A calibrator measures algorithms, and remembers for a while what it has
// measured.
type calibrator struct {
	kept map[string]Calibration // by operation
}

func (k *calibrator) calibrate(ctx context.Context, c *Capture, present func(function string) bool) {
	done := 0
	for _, a := range algorithms {
		if done == maxCalibrations {
			return
		}
		if !slices.ContainsFunc(a.functions, present) || a.markers != nil && !slices.ContainsFunc(a.markers, present) {
			continue
		}
		done++
		if kept, ok := k.kept[a.operation]; ok && time.Since(kept.At) < calibrationLasts {
			c.AddCalibration(kept)
			continue
		}
		if ctx.Err() != nil {
			continue
		}
		if err := a.calibrate(ctx, c); err != nil {
			c.gap("calibration", fmt.Errorf("%s: %w", a.operation, err))
			continue
		}
		k.keep(c.Calibrations[len(c.Calibrations)-1])
	}
}

func (k *calibrator) keep(measured Calibration) {
	if k.kept == nil {
		k.kept = make(map[string]Calibration)
	}
	k.kept[measured.Operation] = measured
}

// calibrate measures one algorithm and adds the result, and what it took, to c.
func (a *algorithm) calibrate(ctx context.Context, c *Capture) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start, at := threadTime(), time.Now()
	defer func() { c.addCalibrationCost(threadTime() - start) }()

	run, err := a.prepare()
	if err != nil {
		return err
	}
	units, operations, err := timeBatches(ctx, run)
	if err != nil {
		return err
	}
	slices.Sort(units)
	c.AddCalibration(Calibration{
		At:         at,
		Operation:  a.operation,
		Functions:  a.functions,
		Markers:    a.markers,
		Unit:       units[len(units)/2],
		Low:        units[0],
		High:       units[len(units)-1],
		Operations: operations,
		GoVersion:  runtime.Version(),
	})
	return nil
}

// addCalibrationCost notes the CPU time that calibrating took.
func (c *Capture) addCalibrationCost(cost time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Self.Calibration += cost.Seconds()
}

// timeBatches returns the seconds that one run took in each of several batches,
// and how many runs there were in all.
func timeBatches(ctx context.Context, run func() error) (units []float64, operations int, err error) {
	// The first run fills caches that a service at work has filled; the second
	// says how many fit into a batch.
	if err := run(); err != nil {
		return nil, 0, err
	}
	once, err := timeRuns(run, 1)
	if err != nil {
		return nil, 0, err
	}
	size := max(1, int(calibrationBudget/calibrationBatches/max(once, time.Microsecond)))
	var spent time.Duration
	for len(units) < calibrationBatches && (spent < calibrationBudget || len(units) < leastBatches) {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		took, err := timeRuns(run, size)
		if err != nil {
			return nil, 0, err
		}
		if took <= 0 {
			return nil, 0, errors.New("the clock of CPU time stands still")
		}
		spent += took
		operations += size
		units = append(units, took.Seconds()/float64(size))
	}
	return units, operations, nil
}

func timeRuns(run func() error, n int) (time.Duration, error) {
	start := threadTime()
	for range n {
		if err := run(); err != nil {
			return 0, err
		}
	}
	return threadTime() - start, nil
}

// digest stands for that of a token's claims. Signing costs the same for all.
var digest = sha256.Sum256([]byte("busywork"))

func rsaSign(bits int) func() (func() error, error) {
	return func() (func() error, error) {
		key, err := rsaKey(bits)
		return func() error {
			_, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
			return err
		}, err
	}
}

func rsaVerify(bits int) func() (func() error, error) {
	return func() (func() error, error) {
		key, err := rsaKey(bits)
		if err != nil {
			return nil, err
		}
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		return func() error {
			return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature)
		}, err
	}
}

func rsaParse(bits int) func() (func() error, error) {
	return func() (func() error, error) {
		key, err := rsaKey(bits)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return func() error {
			_, err := x509.ParsePKCS8PrivateKey(der)
			return err
		}, err
	}
}

// rsaKey makes the key of rsaPrimes, ready for use.
func rsaKey(bits int) (*rsa.PrivateKey, error) {
	const e = 65537
	one := big.NewInt(1)
	p, okP := new(big.Int).SetString(rsaPrimes[bits][0], 16)
	q, okQ := new(big.Int).SetString(rsaPrimes[bits][1], 16)
	if !okP || !okQ {
		return nil, fmt.Errorf("no key of %d bits", bits)
	}
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: e},
		D:         new(big.Int).ModInverse(big.NewInt(e), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	return key, key.Validate()
}

func ecdsaSign() (func() error, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return func() error {
		_, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		return err
	}, err
}

func ecdsaVerify() (func() error, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	return func() error {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			return errors.New("a good signature was not accepted")
		}
		return nil
	}, err
}

// token has the size of a JWT's signed part: a header and half a dozen claims.
var token = make([]byte, 300)

func ed25519Sign() (func() error, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return func() error {
		ed25519.Sign(key, token)
		return nil
	}, err
}

func ed25519Verify() (func() error, error) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signature := ed25519.Sign(key, token)
	return func() error {
		if !ed25519.Verify(public, token, signature) {
			return errors.New("a good signature was not accepted")
		}
		return nil
	}, nil
}

func hmacSHA256() (func() error, error) {
	key := make([]byte, sha256.Size)
	return func() error {
		mac := hmac.New(sha256.New, key)
		mac.Write(token)
		mac.Sum(nil)
		return nil
	}, nil
}
