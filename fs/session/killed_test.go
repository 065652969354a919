// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
)

// mounterEnv makes the test binary mount and unmount a directory without end.
const mounterEnv = "SPRY_TEST_MOUNTER"

func mountUntilKilled(dir string) error {
	loop, err := session.New(session.Options{})
	if err != nil {
		return err
	}
	fmt.Println("begins")
	for {
		s, err := loop.Mount(dir, newFake(), session.MountOptions{})
		if err != nil {
			return err
		}
		if err := s.Unmount(); err != nil {
			return err
		}
	}
}

// TestKilledWhileMounting: a server that is killed while it mounts dies at
// once. One that asked its own mounts for something would wait for an answer
// that only its successor can give, which starts when it is dead.
func TestKilledWhileMounting(t *testing.T) {
	dir := t.TempDir()
	for range 40 {
		killMounter(t, dir)
		for unix.Unmount(dir, unix.MNT_DETACH) == nil {
			continue // a mount that the kill left
		}
		if t.Failed() {
			return
		}
	}
}

// killMounter kills a process that mounts on dir, and waits for its death.
func killMounter(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), mounterEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	time.Sleep(rand.N(20 * time.Millisecond)) // anywhere in a mount
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	dead := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it was killed
		close(dead)
	}()
	select {
	case <-dead:
	case <-time.After(20 * time.Second):
		t.Error("a killed server does not die")
	}
}
