// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
)

// helperEnv makes the test binary a server of a fake at that directory, which
// gives its sessions to whoever has the other end of descriptor 3.
const helperEnv = "SPRY_TEST_SERVE"

func TestMain(m *testing.M) {
	var err error
	switch dir, mounts := os.Getenv(helperEnv), os.Getenv(mounterEnv); {
	case dir != "":
		err = serveUntilKilled(dir)
	case mounts != "":
		err = mountUntilKilled(mounts)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func serveUntilKilled(dir string) error {
	c, err := net.FileConn(os.NewFile(3, "keeper"))
	if err != nil {
		return err
	}
	loop, err := session.New(session.Options{Keeper: sender{c.(*net.UnixConn)}})
	if err != nil {
		return err
	}
	fake := newFake()
	if _, err := loop.Mount(dir, fake, heldOptions(filepath.Dir(dir))); err != nil {
		return err
	}
	for range fake.entered {
		if _, err := c.Write([]byte("slow read")); err != nil {
			return err
		}
	}
	return nil
}

// heldOptions pass file fast1 through.
func heldOptions(dir string) session.MountOptions {
	return session.MountOptions{Identity: "fake", Nodes: 5000, Backing: func(node uint64) (*os.File, bool) {
		if node != 1001 {
			return nil, false
		}
		f, err := os.Open(filepath.Join(dir, "backing"))
		return f, err == nil
	}}
}

// sender is a keeper at the other end of a socket.
type sender struct{ c *net.UnixConn }

func (s sender) Hold(name string, files ...*os.File) error {
	var fds []int
	for _, f := range files {
		rc, err := f.SyscallConn()
		if err != nil {
			return err
		}
		if err := rc.Control(func(fd uintptr) { fds = append(fds, int(fd)) }); err != nil {
			return err
		}
	}
	_, _, err := s.c.WriteMsgUnix([]byte(name), unix.UnixRights(fds...), nil)
	return err
}

func (s sender) Drop(string) error { return nil }

// dropped is a keeper that only counts.
type dropped struct {
	mu    sync.Mutex
	names []string
}

func (*dropped) Hold(string, ...*os.File) error { return nil }

func (d *dropped) Drop(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names = append(d.names, name)
	return nil
}

// helper is another process that serves dir/m.
type helper struct {
	cmd  *exec.Cmd
	conn *net.UnixConn
	held session.Inherited
}

func startHelper(t *testing.T, dir string) *helper {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	at := filepath.Join(dir, "m")
	content := make([]byte, fileBytes)
	fillPattern(content, 0)
	for _, err := range []error{os.Mkdir(at, 0o755), os.WriteFile(filepath.Join(dir, "backing"), content, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &helper{cmd: exec.Command("/proc/self/exe")}
	h.cmd.Env = append(os.Environ(), helperEnv+"="+at)
	h.cmd.ExtraFiles = []*os.File{theirs}
	h.cmd.Stdout, h.cmd.Stderr = os.Stderr, os.Stderr
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	_ = theirs.Close()
	defer func() { _ = ours.Close() }()
	c, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	h.conn = c.(*net.UnixConn)
	h.held = receive(t, h.conn)
	return h
}

func receive(t *testing.T, c *net.UnixConn) session.Inherited {
	t.Helper()
	b, oob := make([]byte, 100), make([]byte, 100)
	n, on, _, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:on])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	in := session.Inherited{Name: string(b[:n])}
	for _, fd := range fds {
		in.Files = append(in.Files, os.NewFile(uintptr(fd), "held"))
	}
	t.Cleanup(func() {
		for _, f := range in.Files {
			_ = f.Close()
		}
	})
	return in
}

func (h *helper) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// TestAdopt: a server is killed while a read is in progress; the read waits
// and gets its bytes from the successor, also if the mount has left the mount
// table but is in use.
func TestAdopt(t *testing.T) {
	for _, detached := range []bool{false, true} {
		t.Run(fmt.Sprintf("detached=%v", detached), func(t *testing.T) {
			dir := t.TempDir()
			h := startHelper(t, dir)
			at := filepath.Join(dir, "m")
			root, err := unix.Open(at, unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			through := fmt.Sprintf("/proc/self/fd/%d", root)
			if detached {
				if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
					t.Fatal(err)
				}
			}
			read := make(chan error, 1)
			go func() { read <- readFile(filepath.Join(through, "slow1")) }()
			h.waitRead(t)
			h.kill()
			select {
			case err := <-read:
				t.Fatalf("read ended without a server: %v", err)
			default:
			}

			k := &dropped{}
			loop := newLoop(t, session.Options{Keeper: k, Inherited: []session.Inherited{h.held}})
			if o := loop.Orphans(); len(o) != 1 || o[0].Identity != "fake" || o[0].Mountpoint != at {
				t.Fatalf("orphans %+v", o)
			}
			fake := newFake()
			close(fake.gate)
			s, err := loop.Mount(at, fake, heldOptions(dir))
			if err != nil {
				t.Fatal(err)
			}
			if err := within(t, read, "the read that was in progress"); err != nil {
				t.Error(err)
			}
			for _, p := range []string{through, at} {
				if err := readFile(filepath.Join(p, "fast2")); err != nil {
					t.Errorf("through %s: %v", p, err)
				}
			}
			if err := unix.Close(root); err != nil {
				t.Error(err)
			}
			if err := s.Unmount(); err != nil {
				t.Error(err)
			}
			if len(k.names) == 0 || k.names[0] != h.held.Name {
				t.Errorf("keeper was told to drop %v, want %s", k.names, h.held.Name)
			}
		})
	}
}

// TestAbandon: nobody wants the session of a dead process, so its users get an
// error instead of waiting for ever.
func TestAbandon(t *testing.T) {
	dir := t.TempDir()
	h := startHelper(t, dir)
	at := filepath.Join(dir, "m")
	read := make(chan error, 1)
	go func() { read <- readFile(filepath.Join(at, "slow1")) }()
	h.waitRead(t)
	h.kill()
	k := &dropped{}
	loop := newLoop(t, session.Options{Keeper: k, Inherited: []session.Inherited{h.held, {Name: "junk", Files: []*os.File{os.Stdin}}}})
	loop.Abandon(func(session.Orphan) bool { return true })
	if o := loop.Orphans(); len(o) != 1 {
		t.Errorf("orphans %v", o)
	}
	loop.Abandon(func(o session.Orphan) bool { return o.Identity != "fake" })
	if err := within(t, read, "end of a read that nobody serves"); err == nil {
		t.Error("read without a server succeeded")
	}
	if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
}

// waitRead waits until the helper has a slow read in progress.
func (h *helper) waitRead(t *testing.T) {
	t.Helper()
	if err := h.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.conn.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
}
