package analyze

import (
	"testing"

	"busywork/profile"
)

const (
	mapping  = "internal/runtime/syscall.Syscall6 < syscall.mmap < syscall.(*mmapper).Mmap < syscall.Mmap < main.loadPrices < main.handle < main.work"
	unmap    = "internal/runtime/syscall.Syscall6 < syscall.munmap < syscall.(*mmapper).Munmap < syscall.Munmap < main.loadPrices < main.handle < main.work"
	touching = "main.sum < main.loadPrices < main.handle < main.work"
	opening  = "internal/runtime/syscall.Syscall6 < syscall.openat < os.OpenFile < main.template < main.handle < main.work"
)

// inKernel gives the machine, and the target in proportion, kernel time and user
// time in cores. The kernel's is all in the part of the window that is named.
func inKernel(c *profile.Capture, kernel, user, target, part float64) {
	for i := range c.Host {
		at := float64(i)
		led := min(at, part*window) / part
		c.Host[i].CPU = profile.CPUTimes{User: user * at, System: kernel * led, Idle: 2*at - user*at - kernel*led}
	}
	for i := range c.Processes {
		at := float64(i)
		p := &c.Processes[i].Changed[0]
		p.System, p.User = target*kernel*at, target*user*at
	}
}

func TestKernelBoundNearMisses(t *testing.T) {
	maps := []stack{{unmap, 3}, {mapping, 1}, {touching, 6}}
	for name, c := range map[string]*profile.Capture{
		"a short spike": func() *profile.Capture {
			c := newService(t, 0.6, 1, maps...)
			inKernel(c, 0.6, 0.5, 1, 0.3)
			return c
		}(),
		"busy in programs": func() *profile.Capture {
			c := newService(t, 0.9, 1, maps...)
			inKernel(c, 0.4, 1.4, 1, 1)
			return c
		}(),
		"hardly busy": func() *profile.Capture {
			c := newService(t, 0.1, 0.2, maps...)
			inKernel(c, 0.15, 0.05, 1, 1)
			return c
		}(),
		"the kernel works for another": func() *profile.Capture {
			c := newService(t, 0.6, 1, maps...)
			inKernel(c, 1, 0.3, 0.2, 1)
			return c
		}(),
		"a proxy moves bytes": func() *profile.Capture {
			c := newService(t, 0.6, 1, stack{peerRead, 4}, stack{peerWrite, 4}, stack{mapping, 0.2}, stack{pricing, 1.8})
			inKernel(c, 0.9, 0.2, 1, 1)
			return c
		}(),
		"locks and the scheduler": func() *profile.Capture {
			c := newService(t, 0.6, 1, stack{"runtime.futex < runtime.notewakeup < runtime.schedule", 8}, stack{opening, 0.5}, stack{pricing, 1.5})
			inKernel(c, 0.9, 0.2, 1, 1)
			return c
		}(),
	} {
		if f, _ := alone(t, c, &KernelBound); f != nil {
			t.Errorf("%s: accused: %s", name, f.Message)
		}
	}
}

func TestKernelBound(t *testing.T) {
	t.Run("maps and unmaps for each job", func(t *testing.T) {
		// Four of ten samples are in the calls; pages are faulted in by the others.
		c := newService(t, 0.6, 1, stack{unmap, 3}, stack{mapping, 1}, stack{touching, 6})
		inKernel(c, 0.8, 0.2, 1, 1)
		f, status := alone(t, c, &KernelBound)
		wants(t, f, status, Inferred, "main.loadPrices", 0.8)
		if f.Waste.Low > 0.4 {
			t.Errorf("at least %.2f cores, but only 0.4 were sampled in the calls", f.Waste.Low)
		}
	})
	t.Run("opens files", func(t *testing.T) {
		c := newService(t, 0.6, 1, stack{opening, 7}, stack{pricing, 3})
		inKernel(c, 0.75, 0.25, 1, 1)
		f, status := alone(t, c, &KernelBound)
		wants(t, f, status, Inferred, "main.template", 0.7)
	})
}
