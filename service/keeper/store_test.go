// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper_test

import (
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/service/keeper"
)

func notify(c chan<- os.Signal) { signal.Notify(c, syscall.SIGTERM, syscall.SIGINT) }

// systemd is a service manager with a descriptor store.
type systemd struct {
	t    *testing.T
	conn *net.UnixConn
}

func newSystemd(t *testing.T) *systemd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("FDSTORE", "100")
	return &systemd{t, conn}
}

// wait returns the descriptors of the message that comes next, which has to
// be that.
func (s *systemd) wait(want string) (files []*os.File) {
	s.t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	b, oob := make([]byte, 500), make([]byte, 200)
	n, on, _, _, err := s.conn.ReadMsgUnix(b, oob)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := strings.ReplaceAll(string(b[:n]), "\n", " "); got != want {
		s.t.Errorf("got %q, want %q", got, want)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:on])
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			s.t.Fatal(err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "stored"))
		}
	}
	return files
}

// TestStore: what a server holds is in the store; SIGTERM leaves it there, and
// the next keeper gives it to its server.
func TestStore(t *testing.T) {
	sd := newSystemd(t)
	f := newFixture(t, keeper.Options{Store: keeper.NewStore()})
	sd.wait("FDSTOREREMOVE=1 FDNAME=listen")
	if files := sd.wait("FDSTORE=1 FDNAME=listen"); len(files) != 1 {
		t.Errorf("%d listening sockets", len(files))
	}
	f.ask("hold " + sample(t, "a"))
	sd.wait("FDSTOREREMOVE=1 FDNAME=a")
	stored := sd.wait("FDSTORE=1 FDNAME=a")
	if len(stored) != 2 {
		t.Fatalf("%d descriptors stored", len(stored))
	}
	f.ask("hold " + sample(t, "b"))
	sd.wait("FDSTOREREMOVE=1 FDNAME=b")
	sd.wait("FDSTORE=1 FDNAME=b")
	f.ask("drop b")
	sd.wait("FDSTOREREMOVE=1 FDNAME=b")
	f.terminate()

	t.Setenv("FDSTORE", "")
	if keeper.NewStore() != nil {
		t.Error("a store without a size")
	}
	g := newFixture(t, keeper.Options{Held: map[string][]*os.File{"a": stored}})
	if _, held := g.ask(""); held != "a=content of a/2" {
		t.Errorf("the next keeper's server holds %q", held)
	}
	g.terminate()
}

// TestPassed: descriptors are this process's only if systemd says so.
func TestPassed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if r.Fd() != 3 { // where systemd puts the first one
		saved, err := unix.FcntlInt(3, unix.F_DUPFD_CLOEXEC, 10)
		if err == nil {
			t.Cleanup(func() { _ = unix.Dup3(saved, 3, unix.O_CLOEXEC); _ = unix.Close(saved) })
		}
		if err := unix.Dup3(int(r.Fd()), 3, 0); err != nil {
			t.Fatal(err)
		}
	}
	set := func(pid int) {
		t.Setenv("LISTEN_PID", strconv.Itoa(pid))
		t.Setenv("LISTEN_FDS", "1")
		t.Setenv("LISTEN_FDNAMES", "fuse-7")
	}
	set(1)
	if got := keeper.Passed(); len(got) != 0 {
		t.Errorf("of another process: %v", got)
	}
	set(os.Getpid())
	passed := keeper.Passed()["fuse-7"]
	if len(passed) != 1 {
		t.Fatalf("passed %v", passed)
	}
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	if flags, err := unix.FcntlInt(3, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %x, %v", flags, err)
	}
	if os.Getenv("LISTEN_FDS") != "" {
		t.Error("children would take the descriptors for theirs")
	}
}
