// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A containerd that has ended, as when it was killed, leaves shims. Those of
// another one go on.
func TestEndKillsShims(t *testing.T) {
	dir := t.TempDir()
	shimOf := func(c *Containerd) *exec.Cmd {
		shim := exec.Command("/bin/sh", "-c", "kill -STOP $$; :", "shim", "-namespace", "default", "-address", c.Address())
		if err := shim.Start(); err != nil {
			t.Fatal(err)
		}
		return shim
	}
	p, err := StartProcess(exec.Command("/bin/sleep", "300"), filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	own := &Containerd{Process: p, o: ContainerdOptions{Dir: filepath.Join(dir, "own")}}
	shim, other := shimOf(own), shimOf(&Containerd{o: ContainerdOptions{Dir: filepath.Join(dir, "other")}})
	if err := own.End(); err != nil {
		t.Error(err)
	}
	_ = shim.Wait()
	if status, ok := shim.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("shim: %v", shim.ProcessState)
	}
	if err := other.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("shim of another containerd: %v", err)
	}
	_ = other.Process.Signal(syscall.SIGCONT)
	_ = other.Wait()
	if status, ok := other.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("shim of another containerd: %v", other.ProcessState)
	}
}
