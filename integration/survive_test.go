// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/integration/testbed"
)

// rounds is how often a server is killed or replaced in a test: n, or what the
// environment variable says, for longer runs.
func rounds(t *testing.T, variable string, n int) int {
	t.Helper()
	if s := os.Getenv(variable); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
	}
	return n
}

// longestStall is how long a read may take whatever happens to the server.
const longestStall = 3 * time.Second

// readers are a container that verifies its files in a loop, and readers of
// the same files on the host that go past the page cache and take the time.
type readers struct {
	n       *node
	id      string // of the container
	ctl     string // shared with it
	wg      sync.WaitGroup
	stop    chan struct{}
	mu      sync.Mutex
	errs    []error
	reads   int
	slowest time.Duration
	// patience is how long a read may take.
	patience time.Duration
}

// verify is what the container runs. Nobody has to be there for its output.
const verify = `exec 2>/ctl/stderr
while [ ! -e /ctl/stop ]; do if sha256sum -c -s /data/SUMS && sha256sum -c -s /small/SUMS; then echo ok >> /ctl/rounds; else echo bad >> /ctl/bad; fi; done
echo done > /ctl/done`

// startReaders starts them on a readersImage that is pulled.
func (n *node) startReaders(ref string) *readers {
	n.t.Helper()
	r := &readers{n: n, id: fmt.Sprintf("spry-%d-%d", os.Getpid(), containers.Add(1)), stop: make(chan struct{}), patience: longestStall}
	r.ctl = filepath.Join(n.dir, r.id)
	if err := os.Mkdir(r.ctl, 0o755); err != nil {
		n.t.Fatal(err)
	}
	n.ctr(slices.Concat(runArgs, []string{"-d", "--null-io", "--mount", "type=bind,src=" + r.ctl + ",dst=/ctl,options=rbind:rw",
		ref, r.id, "/bin/sh", "-c", verify})...)
	r.progress(0)
	found := 0
	for _, dir := range n.lazyMounts() {
		for name, size := range map[string]int{"data": dataSize, "small": smallSize} {
			if st, err := os.Stat(filepath.Join(dir, name, "d0/f0")); err != nil || st.Size() != int64(size) {
				continue // another layer
			}
			// The mount may leave the mount table when the layer becomes plain.
			fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				n.t.Fatal(err)
			}
			found++
			r.wg.Go(func() {
				defer func() { _ = unix.Close(fd) }()
				r.readHost(fmt.Sprintf("/proc/self/fd/%d/%s", fd, name), size)
			})
		}
	}
	if found != 2 {
		n.t.Fatalf("%d layers to read, want 2", found)
	}
	return r
}

// verified is how many rounds the container has done.
func (r *readers) verified() int {
	b, err := os.ReadFile(filepath.Join(r.ctl, "rounds"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.n.t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n"))
}

// progress waits until the container has done a round that began after the
// first n.
func (r *readers) progress(n int) {
	r.n.t.Helper()
	r.n.eventually("a round of the container", func() bool {
		if bad := r.bad(); bad != "" {
			r.n.t.Fatal(bad)
		}
		return r.verified() >= n+2
	})
}

// bad says what the container found wrong; "" is nothing.
func (r *readers) bad() string {
	b, err := os.ReadFile(filepath.Join(r.ctl, "bad"))
	if err != nil {
		return ""
	}
	said, _ := os.ReadFile(filepath.Join(r.ctl, "stderr"))
	return fmt.Sprintf("%d rounds of the container failed: %.2000s", bytes.Count(b, []byte("\n")), said)
}

// eventually waits until ok.
func (n *node) eventually(what string, ok func() bool) {
	n.t.Helper()
	for !ok() {
		select {
		case <-n.ctx.Done():
			n.t.Fatalf("%s: %v", what, n.ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// readHost reads the files below dir, which [sized] made, until stop.
func (r *readers) readHost(dir string, size int) {
	buf, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON) // aligned
	if err != nil {
		r.note(0, err)
		return
	}
	defer func() { _ = unix.Munmap(buf) }()
	for {
		for i := range sizedFiles {
			select {
			case <-r.stop:
				return
			default:
			}
			start := time.Now()
			err := readDirect(filepath.Join(dir, fmt.Sprintf("d%d/f%d", i%7, i)), buf, sizedContent(i, size))
			r.note(time.Since(start), err)
		}
	}
}

// readDirect compares a file with want, past the page cache or, where that is not possible,
// after taking the file out of it.
func readDirect(path string, buf, want []byte) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("fadvise %s: %w", path, err)
	}
	n, err := unix.Pread(fd, buf, 0)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if !bytes.Equal(buf[:n], want) {
		return fmt.Errorf("%s: %d bytes that are not those of the image", path, n)
	}
	return nil
}

// note notes one read.
func (r *readers) note(took time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	r.slowest = max(r.slowest, took)
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// end ends both and fails the test if anything was wrong.
func (r *readers) end() {
	r.n.t.Helper()
	close(r.stop)
	r.wg.Wait()
	if err := os.WriteFile(filepath.Join(r.ctl, "stop"), nil, 0o644); err != nil {
		r.n.t.Fatal(err)
	}
	r.n.eventually("the end of the container", func() bool {
		_, err := os.Stat(filepath.Join(r.ctl, "done"))
		return err == nil
	})
	if err := r.n.removeContainer("default", r.id); err != nil {
		r.n.t.Error(err)
	}
	if bad := r.bad(); bad != "" {
		r.n.t.Error(bad)
	}
	if r.errs != nil {
		r.n.t.Errorf("%d of %d reads on the host failed, the first: %v", len(r.errs), r.reads, r.errs[0])
	}
	if r.slowest > r.patience {
		r.n.t.Errorf("a read took %v", r.slowest)
	}
	r.n.t.Logf("%d rounds of the container, %d reads on the host, the slowest took %v", r.verified(), r.reads, r.slowest)
}

// successor waits until another server than old is ready, and returns it.
func (n *node) successor(old int) int {
	n.t.Helper()
	var pid int
	n.eventually("another server", func() bool {
		var err error
		pid, err = n.spryd.ServerPid()
		return err == nil && pid != old
	})
	n.reconnected()
	return pid
}

// TestServerKilled kills the server again and again under a container that
// reads, and sees nothing of it, while another image is pulled, started and
// removed: calls of containerd that a kill cuts say so, and work when they are
// made again.
func TestServerKilled(t *testing.T) {
	for _, background := range []bool{true, false} {
		t.Run(fmt.Sprintf("background=%v", background), func(t *testing.T) {
			r := newRegistry(t)
			a, b := r.convert("a", readersImage(t)), r.convert("b", image(t, "busybox", "data", "other"))
			n := newNode(t, "2", fmt.Sprintf("[fetch]\nbackground = %v\n", background))
			n.pull(a)
			load := n.startReaders(a)
			churn := n.startChurn("default", b, cutByKill)
			pid := n.successor(0)
			for range rounds(t, "SPRY_KILLS", 10) {
				done := load.verified()
				time.Sleep(rand.N(200 * time.Millisecond)) // anywhere in a pull
				if err := unix.Kill(pid, unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
				pid = n.successor(pid)
				load.progress(done)
			}
			churn.end(t)
			n.pull(b)
			n.ready("default", b)
			load.end()
			n.removeImage("default", a)
			n.removeImage("default", b)
			n.nothingLeft()
		})
	}
}

// TestServerCannotStart: while no server can start, because another program has
// its status socket, readers wait, and mounts stay where they are.
func TestServerCannotStart(t *testing.T) {
	r := newRegistry(t)
	a := r.convert("a", readersImage(t))
	n := newNode(t, "2", lazily)
	n.pull(a)
	load := n.startReaders(a)
	load.patience = timeout
	mounts := n.mounts("fuse", "erofs")
	pid := n.successor(0)
	if err := n.spryd.Configure(lazily + "[status]\naddress = \"/dev/null/s.sock\"\n"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	n.eventually("a start that fails", func() bool { return strings.Count(n.spryd.Log(), "server ended") >= 3 })
	done := load.verified()
	if err := n.spryd.Configure(lazily); err != nil {
		t.Fatal(err)
	}
	load.progress(done)
	n.reconnected()
	if d := cmp.Diff(mounts, n.mounts("fuse", "erofs")); d != "" {
		t.Errorf("mounts, before and after:\n%s", d)
	}
	load.end()
}

// TestUpgrade replaces the binary and the server under a container that reads
// and pulls, starts and removals of another image: no call fails.
func TestUpgrade(t *testing.T) {
	r := newRegistry(t)
	a, b := r.convert("a", readersImage(t)), r.convert("b", image(t, "busybox", "data", "other"))
	n := newNode(t, "2", "")
	if err := n.spryd.Stop(); err != nil {
		t.Fatal(err)
	}
	binary, err := n.spryd.Relocate(filepath.Join(n.dir, "spryd"))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.spryd.Start(n.ctx); err != nil {
		t.Fatal(err)
	}
	n.reconnected()
	n.pull(a)
	load := n.startReaders(a)
	churn := n.startChurn("default", b, never)
	pid := n.successor(0)
	for range rounds(t, "SPRY_UPGRADES", 5) {
		done := load.verified()
		if err := testbed.Replace(binary, binary); err != nil {
			t.Fatal(err)
		}
		if err := n.spryd.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		pid = n.successor(pid)
		running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil {
			t.Fatal(err)
		}
		if now, err := os.Stat(binary); err != nil || !os.SameFile(running, now) {
			t.Errorf("the server is not the binary that was put there (%v)", err)
		}
		load.progress(done)
	}
	churn.end(t)
	// One that does not start changes nothing.
	if err := os.WriteFile(binary+".new", []byte("#!/bin/false\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(binary+".new", binary); err != nil {
		t.Fatal(err)
	}
	if err := n.spryd.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	n.eventually("the failure of the upgrade", func() bool { return strings.Contains(n.spryd.Log(), "upgrade failed") })
	load.progress(load.verified())
	if now, err := n.spryd.ServerPid(); err != nil || now != pid {
		t.Errorf("server %d, %v, want %d", now, err, pid)
	}
	load.end()
}

// TestKeeperKilled: without a descriptor store the death of the keeper ends
// mounts; the daemon can be started at once all the same.
func TestKeeperKilled(t *testing.T) {
	r := newRegistry(t)
	a := r.convert("a", readersImage(t))
	n := newNode(t, "2", "")
	n.pull(a)
	for range 3 {
		n.spryd.Kill()
		if err := n.spryd.Start(n.ctx); err != nil {
			t.Fatal(err)
		}
		n.reconnected()
		n.ready("default", a)
	}
}

// TestKeeperStored: with a descriptor store neither the death nor the stop of
// the whole daemon is seen by containers.
func TestKeeperStored(t *testing.T) {
	r := newRegistry(t)
	a := r.convert("a", readersImage(t))
	n := newNode(t, "2", "")
	if err := n.spryd.Stop(); err != nil {
		t.Fatal(err)
	}
	store, err := testbed.NewFDStore(n.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	n.spryd.SetStore(store)
	if err := n.spryd.Start(n.ctx); err != nil {
		t.Fatal(err)
	}
	n.reconnected()
	n.pull(a)
	load := n.startReaders(a)
	pid := n.successor(0)
	for i := range 4 {
		done := load.verified()
		if i%2 == 0 {
			n.spryd.Kill()
		} else if err := n.spryd.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := n.spryd.Start(n.ctx); err != nil {
			t.Fatal(err)
		}
		pid = n.successor(pid)
		load.progress(done)
	}
	load.end()
	n.removeImage("default", a)
	n.eventually("an empty store", func() bool { return store.Len() == 1 }) // the listening socket
}
