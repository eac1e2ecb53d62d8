package analyze

import "busywork/profile"

// IOUse is the input and output of the target's process, a second, by the
// kernel's account. Sockets and pipes are part of the calls and their bytes,
// not of storage. What its children did is not counted.
type IOUse struct {
	Seconds                   float64
	ReadCalls, WriteCalls     float64 // system calls that read, and that write
	ReadBytes, WriteBytes     float64
	StorageRead, StorageWrite float64 // bytes

	OpenFiles  float64 // mean number of descriptors; 0 if unknown
	FileGrowth float64 // descriptors a second
}

// newIOUse takes differences between the first and the last sample of the
// process that was there at the end; nil if there are none.
func newIOUse(samples []profile.IOSample) *IOUse {
	if len(samples) < 2 {
		return nil
	}
	b := &samples[len(samples)-1]
	first := len(samples) - 1
	for first > 0 && samples[first-1].ProcessKey == b.ProcessKey {
		first--
	}
	samples = samples[first:]
	a := &samples[0]
	dt := seconds(a.At, b.At)
	if dt <= 0 {
		return nil
	}
	u := &IOUse{
		Seconds:      dt,
		ReadCalls:    grown(a.ReadCalls, b.ReadCalls) / dt,
		WriteCalls:   grown(a.WriteCalls, b.WriteCalls) / dt,
		ReadBytes:    grown(a.ReadBytes, b.ReadBytes) / dt,
		WriteBytes:   grown(a.WriteBytes, b.WriteBytes) / dt,
		StorageRead:  grown(a.StorageRead, b.StorageRead) / dt,
		StorageWrite: grown(a.StorageWrite, b.StorageWrite) / dt,
	}
	if a.OpenFiles < 0 || b.OpenFiles < 0 {
		return u
	}
	for _, s := range samples {
		u.OpenFiles += float64(s.OpenFiles) / float64(len(samples))
	}
	u.FileGrowth = float64(b.OpenFiles-a.OpenFiles) / dt
	return u
}
