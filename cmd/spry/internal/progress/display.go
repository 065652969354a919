// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package progress shows what a command is doing: bars that move on a
// terminal, one line per finished task anywhere else.
//
//	d := progress.New(os.Stderr)
//	defer d.Close()
//	t := d.Task("sha256:ab12", size)
//	io.Copy(dst, t.Reader(src))
//	t.Done("indexed, 12 spans")
//
// Finished tasks become plain lines that stay; the bars of running tasks are
// below them and are drawn over.
package progress

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// redrawInterval is how often bars move.
const redrawInterval = 100 * time.Millisecond

// Display shows tasks. It is safe for concurrent use.
type Display struct {
	w     io.Writer
	width func() int // of the terminal in columns; nil if there is none

	// mu guards the fields below and the order of writes to w.
	mu     sync.Mutex
	tasks  []*Task // running, in the order they were started
	lines  int     // of bars on the screen
	closed bool

	stop chan struct{}
	done chan struct{} // closed when the drawing goroutine has ended
}

// New makes a display that draws bars if f is a terminal that can, and writes
// lines otherwise. Close it.
func New(f *os.File) *Display {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) || os.Getenv("TERM") == "dumb" {
		return Lines(f)
	}
	return Bars(f, func() int {
		w, _, err := term.GetSize(fd)
		if err != nil || w <= 0 {
			return 80
		}
		return w
	})
}

// Lines makes a display that writes one line per finished task.
func Lines(w io.Writer) *Display { return &Display{w: w} }

// Bars makes a display that draws bars; width tells the terminal's width in
// columns.
func Bars(w io.Writer, width func() int) *Display {
	d := &Display{w: w, width: width, stop: make(chan struct{}), done: make(chan struct{})}
	go d.run()
	return d
}

// Task starts a task; total is its size in bytes, 0 if not known.
func (d *Display) Task(label string, total int64) *Task {
	t := &Task{display: d, label: label, total: total, started: time.Now()}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks = append(d.tasks, t)
	return t
}

// Printf writes a line that stays.
func (d *Display) Printf(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.printLocked(fmt.Sprintf(format, args...))
}

// Close removes the bars and ends the drawing. It may be called again.
func (d *Display) Close() {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	d.mu.Unlock()
	if again || d.stop == nil {
		return
	}
	close(d.stop)
	<-d.done
}

// finish takes t off the screen and writes its line.
func (d *Display) finish(t *Task, line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, o := range d.tasks {
		if o == t {
			d.tasks = append(d.tasks[:i], d.tasks[i+1:]...)
			break
		}
	}
	if line != "" {
		d.printLocked(line)
	}
}

func (d *Display) printLocked(line string) {
	var b bytes.Buffer
	d.eraseLocked(&b)
	fmt.Fprintln(&b, Clean(line))
	d.drawLocked(&b)
	_, _ = d.w.Write(b.Bytes()) // nobody to tell
}

func (d *Display) run() {
	defer close(d.done)
	tick := time.NewTicker(redrawInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.redraw(false)
		case <-d.stop:
			d.redraw(true)
			return
		}
	}
}

func (d *Display) redraw(last bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last {
		d.tasks = nil
	}
	var b bytes.Buffer
	d.eraseLocked(&b)
	d.drawLocked(&b)
	_, _ = d.w.Write(b.Bytes()) // nobody to tell
}

// eraseLocked goes up over the bars and clears them.
func (d *Display) eraseLocked(b *bytes.Buffer) {
	if d.lines > 0 {
		fmt.Fprintf(b, "\x1b[%dA\r\x1b[J", d.lines)
		d.lines = 0
	}
}

func (d *Display) drawLocked(b *bytes.Buffer) {
	if d.width == nil || d.closed {
		return
	}
	w := d.width()
	for _, t := range d.tasks {
		fmt.Fprintln(b, Clean(t.bar(w)))
		d.lines++
	}
}
