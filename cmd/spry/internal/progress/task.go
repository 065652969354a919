// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package progress

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// barWidth is the columns of a bar without its text.
const barWidth = 24

// Task is one thing under way. It is safe for concurrent use.
type Task struct {
	display *Display
	label   string
	total   int64 // bytes, 0 if not known
	started time.Time
	current atomic.Int64
	state   atomic.Pointer[string]
}

// Add says that n more bytes are through.
func (t *Task) Add(n int64) { t.current.Add(n) }

// Set says that n bytes are through.
func (t *Task) Set(n int64) { t.current.Store(n) }

// State says in a word what the task does now, and starts the bar again.
func (t *Task) State(s string) {
	t.state.Store(&s)
	t.current.Store(0)
}

// Reader counts what is read from r.
func (t *Task) Reader(r io.Reader) io.Reader { return countingReader{r: r, t: t} }

// Done ends the task with a line that stays; "" for none.
func (t *Task) Done(result string) {
	if result != "" {
		result = t.label + ": " + result
	}
	t.display.finish(t, result)
}

// bar is the task as one line of at most width columns.
func (t *Task) bar(width int) string {
	n := t.current.Load()
	var b strings.Builder
	b.WriteString(t.label)
	if s := t.state.Load(); s != nil {
		b.WriteString(" " + *s)
	}
	if t.total > 0 {
		full := int(min(n, t.total) * barWidth / t.total)
		fmt.Fprintf(&b, " [%s%s] %3d%%", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), min(n, t.total)*100/t.total)
	}
	if n > 0 {
		fmt.Fprintf(&b, " %s", Size(n))
	}
	if t.total > 0 {
		fmt.Fprintf(&b, "/%s", Size(t.total))
	}
	fmt.Fprintf(&b, " %.1fs", time.Since(t.started).Seconds())
	line := b.String()
	if len(line) >= width {
		line = line[:max(width-1, 0)]
	}
	return line
}

type countingReader struct {
	r io.Reader
	t *Task
}

// Read implements io.Reader.
func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.t.Add(int64(n))
	return n, err
}

// Size is n bytes for people: 12.3MiB.
func Size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%dB", n)
	}
	f := float64(n)
	for _, u := range []string{"KiB", "MiB", "GiB"} {
		if f /= unit; f < unit {
			return fmt.Sprintf("%.1f%s", f, u)
		}
	}
	return fmt.Sprintf("%.1fTiB", f/unit)
}
