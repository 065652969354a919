// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session/sessiontest"
	"github.com/spryd/spry/service/keeper"
)

const (
	fuseName = "fuse-test"
	// mountEnv is where a server of mode fuse mounts.
	mountEnv = "SPRY_TEST_MOUNT"
	// opLookup is FUSE_LOOKUP.
	opLookup = 1
)

// mountAndWait mounts, and returns when two wait for the mount: this process,
// and another one.
func mountAndWait(link *keeper.Link) error {
	dir := os.Getenv(mountEnv)
	d, err := sessiontest.Mount(dir)
	if err != nil {
		return err
	}
	if err := link.Hold(fuseName, d.Device()); err != nil {
		return err
	}
	go func() { _, _ = os.Lstat(filepath.Join(dir, "own")) }()
	for n := 0; n < 2; {
		if opcode, ok := <-d.Heard(); !ok {
			return fmt.Errorf("mount is gone")
		} else if opcode == opLookup {
			n++
		}
	}
	return nil
}

// answer is the successor's side of the mount: no name is there.
func answer(device *os.File) {
	conn, err := device.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		send := func(code int32, unique uint64) {
			b := make([]byte, 16)
			binary.NativeEndian.PutUint32(b, 16)
			binary.NativeEndian.PutUint32(b[4:], uint32(code))
			binary.NativeEndian.PutUint64(b[8:], unique)
			_, _ = unix.Write(int(fd), b)
		}
		send(7, 0) // FUSE_NOTIFY_RESEND
		request := make([]byte, 1<<20)
		for {
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); err != nil && err != unix.EINTR {
				return
			}
			switch _, err := unix.Read(int(fd), request); err {
			case nil:
				send(-int32(unix.ENOENT), binary.NativeEndian.Uint64(request[8:]))
			case unix.EAGAIN, unix.EINTR:
			default:
				return
			}
		}
	})
}

// TestStuck: a server that is killed while it waits for an answer of itself is
// followed by another one. Requests of others wait for that one's answer.
func TestStuck(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(mountEnv, dir)
	f := newFixture(t, keeper.Options{}, "fuse")
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) })
	for !mounted(t, dir) {
		time.Sleep(10 * time.Millisecond)
	}
	other := exec.Command("stat", filepath.Join(dir, "other"))
	var out strings.Builder
	other.Stderr = &out
	other.Env = append(os.Environ(), "LC_ALL=C")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	pid, _ := f.ask("")
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	f.other(pid)
	if err := other.Wait(); err == nil || !strings.Contains(out.String(), "No such file") {
		t.Errorf("who waited for the mount has not the successor's answer: %v, %s", err, &out)
	}
	f.terminate()
}

// mounted says whether something is mounted on dir, without asking it.
func mounted(t *testing.T, dir string) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), " "+dir+" ")
}
