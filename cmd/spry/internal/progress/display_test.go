// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package progress_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/spryd/spry/cmd/spry/internal/progress"
)

func TestLinesShowOnlyWhatIsFinished(t *testing.T) {
	var out bytes.Buffer
	d := progress.Lines(&out)
	a := d.Task("layer a", 10)
	b := d.Task("layer b", 0)
	d.Printf("%d layers", 2)
	a.Add(4)
	b.Done("skipped: zstd")
	a.Done("")
	d.Close()
	d.Close()
	if got, want := out.String(), "2 layers\nlayer b: skipped: zstd\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBarsLeaveOnlyLines runs the escape codes of a drawing through a little
// terminal: in the end the lines are there and the bars are not.
func TestBarsLeaveOnlyLines(t *testing.T) {
	out := &lockedBuffer{}
	d := progress.Bars(out, func() int { return 40 })
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			task := d.Task(fmt.Sprintf("layer %d", i), 1000)
			n, err := io.Copy(io.Discard, task.Reader(strings.NewReader(strings.Repeat("x", 1000))))
			if err != nil || n != 1000 {
				t.Errorf("copied %d: %v", n, err)
			}
			d.Printf("half %d", i)
			task.Done("indexed")
		})
	}
	wg.Wait()
	d.Task("still running when closed", 5)
	d.Close()

	lines := map[string]int{}
	for _, l := range screen(out.String()) {
		lines[l]++
	}
	for i := range 4 {
		for _, want := range []string{fmt.Sprintf("half %d", i), fmt.Sprintf("layer %d: indexed", i)} {
			if lines[want] != 1 {
				t.Errorf("line %q is there %d times", want, lines[want])
			}
			delete(lines, want)
		}
	}
	if len(lines) != 0 {
		t.Errorf("also on the screen: %v", lines)
	}
}

func TestBarFitsTheTerminal(t *testing.T) {
	out := &lockedBuffer{}
	d := progress.Bars(out, func() int { return 30 })
	task := d.Task("a layer with a long name", 100)
	task.State("verifying")
	task.Set(50)
	d.Printf("x") // draws
	d.Close()
	if !strings.Contains(out.String(), "veri") {
		t.Fatalf("no bar in %q", out.String())
	}
	for _, l := range strings.Split(out.String(), "\n") {
		if len(l) >= 30 && !strings.Contains(l, "\x1b") {
			t.Errorf("line of %d columns: %q", len(l), l)
		}
	}
}

func TestClean(t *testing.T) {
	var out bytes.Buffer
	d := progress.Lines(&out)
	d.Printf("entry \x1b[2J\x07\u009b name\r")
	if got, want := out.String(), "entry ?[2J?? name?\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := progress.Clean("a\n\tü"); got != "a\n\tü" {
		t.Errorf("got %q", got)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0B", 1023: "1023B", 1024: "1.0KiB", 1536: "1.5KiB",
		4 << 20: "4.0MiB", 3 << 30: "3.0GiB", 2 << 40: "2.0TiB",
	} {
		if got := progress.Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

// screen interprets "up n and clear below" and gives the lines that remain.
func screen(s string) []string {
	var lines []string
	for s != "" {
		if rest, ok := strings.CutPrefix(s, "\x1b["); ok {
			var up int
			if _, err := fmt.Sscanf(rest, "%dA", &up); err != nil {
				panic(err)
			}
			_, s, _ = strings.Cut(rest, "\x1b[J")
			lines = lines[:len(lines)-up]
			continue
		}
		line, rest, _ := strings.Cut(s, "\n")
		lines = append(lines, line)
		s = rest
	}
	return lines
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
