// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/service/keeper"
)

// modeEnv makes the test binary a server that behaves in that way.
const modeEnv = "SPRY_TEST_SERVER"

// missing is the program of mode "missing".
const missing = "/nonexistent/spryd"

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	mode := os.Getenv(modeEnv)
	if mode == "" {
		os.Exit(m.Run())
	}
	os.Exit(server(mode))
}

// server answers at its socket: a connection is sent "pid names", the names
// being those of what it holds with the content of each; then it reads a
// command.
func server(mode string) int {
	if mode == "broken" {
		return 7
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	term := make(chan os.Signal, 1)
	notify(term)
	link, err := keeper.Attach(ctx, 3)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 8
	}
	if mode == "unready" {
		return 9
	}
	if mode == "fuse" {
		if err := mountAndWait(link); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 17
		}
	}
	l, err := link.Listener()
	if err != nil {
		return 10
	}
	if err := link.Ready(); err != nil {
		return 11
	}
	answer := make(chan int, 1)
	go func() { answer <- converse(l, link) }()
	select {
	case <-term:
		return 0
	case <-link.Leave():
		return 0
	case code := <-answer:
		return code
	}
}

func converse(l net.Listener, link *keeper.Link) int {
	held := ""
	for _, h := range link.Held() {
		if h.Name == fuseName {
			go answer(h.Files[0])
			continue
		}
		b, err := io.ReadAll(io.NewSectionReader(h.Files[0], 0, 100))
		if err != nil {
			return 12
		}
		held += fmt.Sprintf(" %s=%s/%d", h.Name, b, len(h.Files))
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return 13
		}
		_, _ = fmt.Fprintf(c, "%d%s\n", os.Getpid(), held)
		line, _ := bufio.NewReader(c).ReadString('\n')
		switch verb, name, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "hold":
			f, err := os.Open(name)
			if err != nil {
				return 14
			}
			if err := link.Hold(filepath.Base(name), f, f); err != nil {
				return 15
			}
		case "drop":
			if err := link.Drop(name); err != nil {
				return 16
			}
		}
		_, _ = fmt.Fprintln(c, "ok")
		_ = c.Close()
	}
}

// fixture is a keeper that runs in the test.
type fixture struct {
	t       *testing.T
	path    string
	signals chan os.Signal
	done    chan error
	mode    chan string // of the servers to come
}

func newFixture(t *testing.T, o keeper.Options, modes ...string) *fixture {
	t.Helper()
	f := &fixture{t: t, path: filepath.Join(t.TempDir(), "s"), signals: make(chan os.Signal, 8), done: make(chan error, 1), mode: make(chan string, 100)}
	for _, m := range modes {
		f.mode <- m
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: f.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if o.Listener, err = l.File(); err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	o.ListenerName, o.Signals = "listen", f.signals
	o.Command = func() *exec.Cmd {
		mode := "serve"
		select {
		case mode = <-f.mode:
		default:
		}
		cmd := exec.Command("/proc/self/exe")
		if mode == "missing" {
			cmd = exec.Command(missing)
		}
		cmd.Env = append(os.Environ(), modeEnv+"="+mode)
		cmd.Stderr = os.Stderr
		return cmd
	}
	go func() {
		f.done <- keeper.Run(context.Background(), o)
		_ = o.Listener.Close()
	}()
	return f
}

// ask sends the server a command, which may be empty, and returns its process
// and what it holds.
func (f *fixture) ask(command string) (pid int, held string) {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		c, err := net.Dial("unix", f.path)
		if err != nil {
			f.t.Fatalf("the socket must always be there: %v", err)
		}
		_ = c.SetDeadline(end)
		r := bufio.NewReader(c)
		hello, err := r.ReadString('\n')
		if err == nil {
			_, _ = fmt.Fprintln(c, command)
			_, err = r.ReadString('\n')
		}
		_ = c.Close()
		if err != nil {
			continue // it was killed meanwhile
		}
		number, held, _ := strings.Cut(strings.TrimSpace(hello), " ")
		if _, err := fmt.Sscan(number, &pid); err != nil {
			f.t.Fatal(err)
		}
		return pid, held
	}
	f.t.Fatal("no server answers")
	return 0, ""
}

// other asks until another server than pid answers.
func (f *fixture) other(pid int) (next int, held string) {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if next, held = f.ask(""); next != pid {
			return next, held
		}
	}
	f.t.Fatal("no other server")
	return 0, ""
}

// end waits for Run.
func (f *fixture) end() error {
	f.t.Helper()
	select {
	case err := <-f.done:
		return err
	case <-time.After(patience):
		f.t.Fatal("Run does not return")
		return nil
	}
}

func (f *fixture) terminate() {
	f.t.Helper()
	f.signals <- syscall.SIGTERM
	if err := f.end(); err != nil {
		f.t.Error(err)
	}
}

// sample is a file to hold.
func sample(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("content of "+name), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKilled: every successor has what its predecessors gave away and did not
// take back.
func TestKilled(t *testing.T) {
	f := newFixture(t, keeper.Options{})
	pid, held := f.ask("hold " + sample(t, "a"))
	if held != "" {
		t.Errorf("the first server holds %q", held)
	}
	f.ask("hold " + sample(t, "b"))
	for range 5 {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if pid, held = f.other(pid); held != "a=content of a/2 b=content of b/2" {
			t.Errorf("successor holds %q", held)
		}
	}
	f.ask("drop a")
	f.ask("drop never")
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, held = f.other(pid); held != "b=content of b/2" {
		t.Errorf("after a drop the successor holds %q", held)
	}
	f.terminate()
}

// TestUpgrade: SIGHUP replaces the server; a successor that does not start, or
// one that dies at once, leaves a server behind.
func TestUpgrade(t *testing.T) {
	f := newFixture(t, keeper.Options{})
	first, _ := f.ask("hold " + sample(t, "a"))
	f.signals <- syscall.SIGHUP
	second, held := f.other(first)
	if held != "a=content of a/2" {
		t.Errorf("successor holds %q", held)
	}
	if err := unix.Kill(first, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("predecessor: %v", err)
	}
	f.mode <- "broken"
	f.signals <- syscall.SIGHUP
	f.mode <- "unready"
	for len(f.mode) > 1 { // the broken one was started
		f.ask("")
	}
	if now, _ := f.ask(""); now != second {
		t.Errorf("server %d after a failed upgrade, want %d", now, second)
	}
	for len(f.mode) > 0 { // ignored while the failed upgrade is not over
		f.signals <- syscall.SIGHUP
		f.ask("")
	}
	if _, held := f.other(second); held != "a=content of a/2" {
		t.Errorf("after a successor that died the server holds %q", held)
	}
	f.terminate()
}

// TestStart: a server that never was ready is not started again.
func TestStart(t *testing.T) {
	for mode, want := range map[string]int{"broken": 7, "unready": 9} {
		f := newFixture(t, keeper.Options{}, mode)
		var exit *keeper.ExitError
		if err := f.end(); !errors.As(err, &exit) || exit.Code != want {
			t.Errorf("%s: %v, want exit code %d", mode, err, want)
		}
	}
}

// TestCannotStart: why no server can be started is in the log each time, and
// the next one has everything.
func TestCannotStart(t *testing.T) {
	hook := logtest.NewGlobal()
	defer logrus.StandardLogger().ReplaceHooks(make(logrus.LevelHooks))
	f := newFixture(t, keeper.Options{})
	pid, _ := f.ask("hold " + sample(t, "a"))
	f.mode <- "missing"
	f.mode <- "missing"
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, held := f.other(pid); held != "a=content of a/2" {
		t.Errorf("successor holds %q", held)
	}
	f.terminate()
	told := 0
	for _, e := range hook.AllEntries() {
		if err, ok := e.Data[logrus.ErrorKey].(error); ok && errors.Is(err, os.ErrNotExist) && strings.Contains(err.Error(), missing) {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d of 2 failures to start a server are in the log", told)
	}
}

// TestTerminatedEarly: a signal before the server is ready ends it.
func TestTerminatedEarly(t *testing.T) {
	newFixture(t, keeper.Options{}).terminate()
}

// TestAborted: a server that hangs ends with the keeper, also one that cannot
// say where it was.
func TestAborted(t *testing.T) {
	for name, hang := range map[string]func(pid int) error{
		"running": func(int) error { return nil },
		"stopped": func(pid int) error { return unix.Kill(pid, unix.SIGSTOP) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, keeper.Options{})
			pid, _ := f.ask("hold " + sample(t, "a"))
			if err := hang(pid); err != nil {
				t.Fatal(err)
			}
			f.signals <- syscall.SIGABRT
			var exit *keeper.ExitError
			if err := f.end(); !errors.As(err, &exit) {
				t.Errorf("%v, want an exit code", err)
			}
			if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
				t.Errorf("server: %v", err)
			}
		})
	}
}
