// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spryd/spry/integration/bench/report"
	"github.com/spryd/spry/integration/bench/work"
	"github.com/spryd/spry/integration/testbed"
)

// The kinds of container that work is compared in.
const (
	kindOverlay = "overlayfs"
	kindLazy    = "lazy"  // all local, shown through FUSE
	kindPlain   = "plain" // all local, ordinary directories
)

// chore is a task with how it is shown.
type chore struct {
	name, unit string
	task       work.Task
	per        float64 // units of the task in one unit shown
	cold       bool    // drop the page cache before
}

// warmBytes is about how much one pass of a warm sequential read reads, so
// that it lasts long enough to be measured.
const warmBytes = 512 << 20

// chores are all tasks; file is the largest of the image and has size bytes.
func chores(file string, size int64) []chore {
	all := []chore{
		{name: "exec", unit: "starts/s", task: work.Task{Kind: "exec", Path: "/bin/true", Count: 200, Warm: true}, per: 1},
		{name: "find", unit: "files/s", task: work.Task{Kind: "find", Path: "/usr", Warm: true}, per: 1},
		{name: "find, cold cache", unit: "files/s", task: work.Task{Kind: "find", Path: "/usr"}, per: 1, cold: true},
	}
	if size == 0 {
		return all
	}
	again := int(max(1, warmBytes/size))
	return append([]chore{
		{name: "sequential read", unit: "MB/s", task: work.Task{Kind: "read", Path: file, Count: again, Warm: true}, per: 1e6},
		{name: "sequential read, cold cache", unit: "MB/s", task: work.Task{Kind: "read", Path: file}, per: 1e6, cold: true},
		{name: "random 4 KiB read", unit: "reads/s", task: work.Task{Kind: "random", Path: file, Count: 200000, Warm: true}, per: 1},
		{name: "random 4 KiB read, cold cache", unit: "reads/s", task: work.Task{Kind: "random", Path: file, Count: 500}, per: 1, cold: true},
	}, all...)
}

// warm compares work in containers of all kinds, which run at the same time.
func (b *bed) warm(ctx context.Context, s *subject) (report.Warm, error) {
	w := report.Warm{Image: s.name, Kinds: []string{kindOverlay, kindLazy, kindPlain}}
	tool, err := b.tool()
	if err != nil {
		return w, err
	}
	err = b.withHost(ctx, testbed.Overlayfs, func(plain *testbed.Host) error {
		return b.withHost(ctx, testbed.SprySnapshotter(b.spryd), func(lazy *testbed.Host) error {
			m := warmth{bed: b, subject: s, tool: tool, report: &w, boxes: map[string]*testbed.Container{}}
			defer m.kill(ctx)
			if err := m.start(ctx, plain, lazy); err != nil {
				return err
			}
			return m.measure(ctx)
		})
	})
	return w, err
}

// warmth is the containers of one comparison.
type warmth struct {
	bed     *bed
	subject *subject
	tool    string
	report  *report.Warm
	boxes   map[string]*testbed.Container
}

// start brings up a container of each kind.
func (m *warmth) start(ctx context.Context, overlay, spry *testbed.Host) error {
	latest, soci := m.bed.ref(m.subject.name, "latest"), m.bed.ref(m.subject.name, "soci")
	if err := overlay.Pull(ctx, latest); err != nil {
		return err
	}
	if err := m.run(ctx, overlay, kindOverlay, latest); err != nil {
		return err
	}
	before := m.bed.link.Bytes()
	if err := spry.Pull(ctx, soci); err != nil {
		return err
	}
	if fuse, err := onFUSE(ctx, spry, soci); err != nil {
		return err
	} else if !fuse {
		m.note("lazy: the image was plain before a container could start")
	} else if err := m.run(ctx, spry, kindLazy, soci); err != nil {
		return err
	}
	a := arrival{bytes: func() int64 { return m.bed.link.Bytes() - before }, want: m.subject.img.CompressedSize(), timeout: m.bed.o.localWait}
	if at, n := a.wait(ctx); at.IsZero() {
		m.note("only %.1f MB had arrived after %v", float64(n)/1e6, m.bed.o.localWait)
	}
	return m.startPlain(ctx, spry, soci)
}

// startPlain starts the plain container when new ones need no FUSE.
func (m *warmth) startPlain(ctx context.Context, spry *testbed.Host, ref string) error {
	for end := time.Now().Add(m.bed.o.plainWait); ; {
		fuse, err := onFUSE(ctx, spry, ref)
		if err != nil {
			return err
		}
		if !fuse {
			return m.run(ctx, spry, kindPlain, ref)
		}
		if time.Now().After(end) {
			m.note("plain: new containers still need FUSE %v after everything was local", m.bed.o.plainWait)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (m *warmth) run(ctx context.Context, h *testbed.Host, kind, ref string) error {
	box, err := h.Run(ctx, testbed.RunOptions{ID: kind, Ref: ref, Args: hold, Bind: m.tool})
	if err == nil {
		m.boxes[kind] = box
	}
	return err
}

// measure does every chore in every container, b.o.runs times.
func (m *warmth) measure(ctx context.Context) error {
	for _, c := range chores(m.subject.largestFile()) {
		x := report.Work{Name: c.name, Unit: c.unit, Rates: map[string][]float64{}}
		for range m.bed.o.runs {
			for _, kind := range m.report.Kinds {
				if m.boxes[kind] == nil {
					continue
				}
				rate, err := m.once(ctx, kind, c)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					m.note("%s, %s: %s", c.name, kind, firstLine(err))
					continue
				}
				x.Rates[kind] = append(x.Rates[kind], rate)
			}
		}
		m.bed.say("%-10s %s: %v", m.subject.name, c.name, x.Rates)
		m.report.Works = append(m.report.Works, x)
	}
	return nil
}

// once does a chore in one container.
func (m *warmth) once(ctx context.Context, kind string, c chore) (float64, error) {
	if c.cold {
		if err := testbed.DropCaches(); err != nil {
			return 0, err
		}
	}
	r, err := do(ctx, m.boxes[kind], c.task)
	return r.Rate() / c.per, err
}

func (m *warmth) note(format string, args ...any) {
	m.report.Notes = append(m.report.Notes, fmt.Sprintf(format, args...))
}

func (m *warmth) kill(ctx context.Context) {
	for _, box := range m.boxes {
		box.Kill(context.WithoutCancel(ctx))
	}
}

// onFUSE tells whether a container started now would need FUSE.
func onFUSE(ctx context.Context, h *testbed.Host, ref string) (bool, error) {
	dirs, err := h.Lowerdirs(ctx, ref)
	if err != nil {
		return false, err
	}
	return testbed.OnLazy(dirs)
}
