// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
)

var errPassing = errors.New("connection reset")

func TestWrongBytesAreFetchedAgain(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	b := newBench(t, l, nil)
	b.blob.Answer(layertest.Corrupt(2))
	b.check(t, some)
	if n := len(b.blob.Requests()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	if n := b.blob.Distrusted(); n != 2 {
		t.Errorf("distrusted %d times, want 2", n)
	}
}

func TestWrongBytesAreNeverServed(t *testing.T) {
	l := layertest.New(t, 10, 8000, 2000)
	b := newBench(t, l, func(o *read.Options) { o.Attempts, o.Deadline = 2, 300*time.Millisecond })
	b.blob.Answer(layertest.Corrupt(1 << 30))
	node := l.Node(t, some)
	if _, err := b.file(t.Context(), node); !errors.Is(err, span.ErrVerify) || !errors.Is(err, read.ErrDeadline) {
		t.Fatalf("got %v, want %v before the deadline", err, span.ErrVerify)
	}
	if err := b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)); !errors.Is(err, span.ErrVerify) {
		t.Errorf("fetch: got %v, want %v", err, span.ErrVerify)
	}
	b.blob.Answer(nil)
	b.check(t, some)
}

func TestBadIndexIsNotFetchedAgain(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	l.BadDecode = 0
	b := newBench(t, l, nil)
	if _, err := b.file(t.Context(), l.Node(t, some)); !errors.Is(err, read.ErrDecode) {
		t.Errorf("got %v", err)
	}
	if n := len(b.blob.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestPassingFailuresAreRetriedUntilTheDeadline(t *testing.T) {
	tests := map[string]layertest.Answer{
		"no body":     layertest.Fail(errPassing),
		"broken body": layertest.Cut(100, errPassing),
		"short body":  layertest.Cut(100, io.EOF),
		"hanging":     layertest.Hold(nil),
		"stalled":     layertest.HoldAfter(100, nil),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			l := layertest.New(t, 10, 8000, 1<<20)
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, l, func(o *read.Options) { o.Deadline = 30 * time.Second })
				b.blob.Answer(answer)
				start := time.Now()
				_, err := b.file(t.Context(), l.Node(t, some))
				if !errors.Is(err, read.ErrDeadline) || errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want %v", err, read.ErrDeadline)
				}
				if took := time.Since(start); took != 30*time.Second {
					t.Errorf("gave up after %v", took)
				}
				b.blob.Answer(nil)
				b.check(t, some)
			})
		})
	}
}

func TestRecoversWithinTheDeadline(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, l, nil)
		b.blob.Answer(layertest.Fail(errPassing))
		time.AfterFunc(20*time.Second, func() { b.blob.Answer(nil) })
		b.check(t, some)
	})
}

// Wrong bytes may be right again later, as everything else that registries do.
func TestWrongBytesAreRetriedUntilTheDeadline(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, l, nil)
		b.blob.Answer(layertest.Corrupt(1 << 30))
		time.AfterFunc(20*time.Second, func() { b.blob.Answer(nil) })
		b.check(t, some)
		if n := len(b.blob.Requests()); n > 40 {
			t.Errorf("%d requests in 20 s", n)
		}
	})
}

// A reader that comes late does not inherit the end of the run it joined.
func TestLateReaderHasItsOwnDeadline(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, l, func(o *read.Options) { o.Deadline = 10 * time.Second })
		b.blob.Answer(layertest.Hold(nil))
		done := make(chan error, 1)
		go func() {
			_, err := b.file(t.Context(), l.Node(t, some))
			done <- err
		}()
		time.Sleep(9 * time.Second)
		b.blob.Answer(layertest.Fail(errPassing))
		time.AfterFunc(5*time.Second, func() { b.blob.Answer(nil) })
		b.check(t, some)
		if err := <-done; !errors.Is(err, read.ErrDeadline) {
			t.Errorf("first reader: %v", err)
		}
	})
}

// A transfer that is slow but moves is left alone, however long it takes.
func TestSlowIsNotStalled(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, l, func(o *read.Options) { o.Deadline = 10 * time.Second })
		b.blob.Answer(func(_ context.Context, _ layertest.Request, proper []byte) (io.ReadCloser, error) {
			return io.NopCloser(&slow{b: proper, n: 1000, pause: 5 * time.Second}), nil
		})
		if err := b.Fetch(t.Context(), fetch.Background, 0, 0); err != nil {
			t.Error(err)
		}
		if n := len(b.blob.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// slow gives n bytes each pause.
type slow struct {
	b     []byte
	n     int
	pause time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	n := copy(p[:min(s.n, len(p))], s.b)
	s.b = s.b[n:]
	return n, nil
}

// block makes every write to the store fail until the result is called, as a
// full disk would.
func block(t *testing.T, b *bench) (unblock func()) {
	t.Helper()
	for _, dir := range []string{"d0", "d1", "d2"} {
		if err := os.WriteFile(filepath.Join(b.store.Dir(), dir), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, dir := range []string{"d0", "d1", "d2"} {
			if err := os.Remove(filepath.Join(b.store.Dir(), dir)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFullDiskStillAnswersReads(t *testing.T) {
	l := layertest.New(t, 40, 8000, 4000)
	b := newBench(t, l, nil)
	unblock := block(t, b)
	for path := range l.Files {
		b.check(t, path)
	}
	if err := b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)); err == nil {
		t.Error("fetch into a full disk succeeded")
	}
	requests := len(b.blob.Requests())
	b.check(t, some)
	if n := len(b.blob.Requests()); n != requests {
		t.Error("a span that is in memory was fetched again")
	}
	unblock()
	// A write that began before may still fail.
	waitFor(t, func() bool { return b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)) == nil })
	if n, _ := b.store.Missing(); n != 0 {
		t.Errorf("%d spans missing when there was room again", n)
	}
}

// The same with a file system that is really full.
func TestNoSpaceLeft(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	l := layertest.New(t, 40, 8000, 4000)
	s, err := store.Open(dir, l.Tree, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := newBench(t, l, func(o *read.Options) { o.Store = s })
	for path := range l.Files {
		b.check(t, path)
	}
	all := func() error { return b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)) }
	if err := all(); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return all() == nil })
	if n, _ := s.Missing(); n != 0 {
		t.Errorf("%d spans missing when there was room again", n)
	}
}

// A store that loses a span whenever another one is written ends a fetch: or else
// that would go on for ever.
func TestStoreThatLosesWhatIsWritten(t *testing.T) {
	l := layertest.New(t, 40, 8000, 4000)
	var b *bench
	b = newBench(t, l, func(o *read.Options) {
		o.Observer = func(id span.ID) func(span.Verified, []byte) {
			if id == 0 || id == 2 {
				if err := b.store.Drop(2 - id); err != nil {
					t.Error(err)
				}
			}
			return nil
		}
	})
	if err := b.store.Put(1, l.Out(1)); err != nil { // or else one request would bring all
		t.Fatal(err)
	}
	if err := b.Fetch(t.Context(), fetch.Background, 0, 2); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("got %v", err)
	}
}

func TestFullDiskKeepsMemoryBounded(t *testing.T) {
	l := layertest.New(t, 40, 8000, 4000)
	b := newBench(t, l, func(o *read.Options) { o.Memory = read.NewMemory(80_000) })
	block(t, b)
	for path := range l.Files {
		b.check(t, path)
		if n := b.memory.KeptBytes(); n > 20_000 {
			t.Fatalf("%d bytes kept", n)
		}
	}
}

func TestLostFileIsFetchedAgain(t *testing.T) {
	l := layertest.New(t, 40, 8000, 4000)
	b := newBench(t, l, nil)
	if err := b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(b.store.Dir(), some), 1); err != nil {
		t.Fatal(err)
	}
	b.check(t, some)
	if n, _ := b.store.Missing(); n > 3 {
		t.Errorf("%d spans dropped for one file", n)
	}
	b.check(t, some)
}
