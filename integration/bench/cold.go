// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spryd/spry/integration/bench/report"
	"github.com/spryd/spry/integration/testbed"
)

// cold measures every image: in each run every snapshotter once, and the floor.
func (b *bed) cold(ctx context.Context, subjects []*subject, r *report.Report) error {
	empty, err := emptyImage(b.dir)
	if err != nil {
		return err
	}
	if _, err := empty.Push(ctx, b.reg.Host+"/empty:latest"); err != nil {
		return err
	}
	for _, s := range subjects {
		r.Cold = append(r.Cold, report.Cold{Image: s.name, Compressed: s.img.CompressedSize(), Inflate: s.inflate.Seconds()})
		c := &r.Cold[len(r.Cold)-1]
		for _, sn := range b.snapshotters() {
			c.Rows = append(c.Rows, report.Row{Snapshotter: sn.Name})
		}
		for i := range b.o.runs {
			if err := b.coldRun(ctx, s, c, i == 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// coldRun starts the image once under every snapshotter. What fails is noted.
func (b *bed) coldRun(ctx context.Context, s *subject, c *report.Cold, first bool) error {
	if err := b.emptyPull(ctx, c); err != nil {
		return err
	}
	for i, sn := range b.snapshotters() {
		run := coldStart{bed: b, subject: s, kind: sn, cold: c}
		if first && sn.Name != onDemand {
			run.localWait = b.o.localWait
		}
		err := b.withHost(ctx, sn, func(h *testbed.Host) error { return run.measure(ctx, h) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.say("%s %s: %v", s.name, sn.Name, err)
			c.Rows[i].Errors = append(c.Rows[i].Errors, firstLine(err))
			continue
		}
		b.say("%-10s %-14s pull %.2f run %.2f READY %.2f s, %.1f MB, local %.2f s", s.name, sn.Name,
			run.start.Pull, run.start.Run, run.start.Total(), float64(run.start.Bytes)/1e6, run.start.Local)
		c.Rows[i].Starts = append(c.Rows[i].Starts, run.start)
	}
	return nil
}

// emptyPull measures the first half of the floor.
func (b *bed) emptyPull(ctx context.Context, c *report.Cold) error {
	return b.withHost(ctx, testbed.Overlayfs, func(h *testbed.Host) error {
		begin := time.Now()
		err := h.Pull(ctx, b.ref("empty", testbed.Overlayfs.Tag))
		c.EmptyPull = append(c.EmptyPull, time.Since(begin).Seconds())
		return err
	})
}

// coldStart is one measured start.
type coldStart struct {
	bed       *bed
	subject   *subject
	kind      testbed.Snapshotter
	cold      *report.Cold
	localWait time.Duration
	start     report.Start
}

// measure pulls, runs, and looks at what that has cost.
func (c *coldStart) measure(ctx context.Context, h *testbed.Host) (err error) {
	ref := c.bed.ref(c.subject.name, c.kind.Tag)
	before, begin := c.bed.link.Bytes(), time.Now()
	if err := h.Pull(ctx, ref); err != nil {
		return err
	}
	pulled := time.Now()
	if c.start.Lazy, err = h.Lazy(); err != nil {
		return err
	}
	run := time.Now()
	box, err := h.Run(ctx, testbed.RunOptions{ID: "cold", Ref: ref, Args: c.subject.args})
	if err != nil {
		return err
	}
	c.start.Pull, c.start.Run = pulled.Sub(begin).Seconds(), time.Since(run).Seconds()
	c.start.Bytes = c.bed.link.Bytes() - before
	box.Kill(ctx)
	c.waitLocal(ctx, begin, before)
	u, err := h.Usage()
	if err != nil {
		return err
	}
	ctd, err := h.Ctd.Usage()
	c.start.PeakBytes, c.start.CPU, c.start.ContainerdCPU = u.PeakBytes, u.CPU.Seconds(), ctd.CPU.Seconds()
	if err != nil || c.kind.Name != testbed.Overlayfs.Name {
		return err
	}
	return c.floor(ctx, h, ref)
}

// waitLocal fills in when everything was local.
func (c *coldStart) waitLocal(ctx context.Context, begin time.Time, before int64) {
	switch {
	case c.kind.Name == testbed.Overlayfs.Name:
		c.start.Local, c.start.LocalBytes = c.start.Pull, c.start.Bytes
	case c.localWait > 0:
		w := arrival{bytes: func() int64 { return c.bed.link.Bytes() - before }, want: c.subject.img.CompressedSize(), timeout: c.localWait}
		at, n := w.wait(ctx)
		c.start.Local, c.start.LocalBytes = -1, n
		if !at.IsZero() {
			c.start.Local = at.Sub(begin).Seconds()
		}
	}
}

// floor runs the image again under overlayfs: from a cold page cache for the
// oracle, then warm for the second half of the floor.
func (c *coldStart) floor(ctx context.Context, h *testbed.Host, ref string) error {
	dirs, err := h.Lowerdirs(ctx, ref)
	if err != nil {
		return err
	}
	for _, id := range []string{"oracle", "warm"} {
		if id == "oracle" {
			if err := testbed.DropCaches(); err != nil {
				return err
			}
		}
		begin := time.Now()
		box, err := h.Run(ctx, testbed.RunOptions{ID: id, Ref: ref, Args: c.subject.args})
		if err != nil {
			return fmt.Errorf("%s run in %s: %w", id, filepath.Base(c.bed.dir), err)
		}
		if id == "warm" {
			c.cold.WarmRun = append(c.cold.WarmRun, time.Since(begin).Seconds())
		} else if err := c.oracle(dirs); err != nil {
			box.Kill(ctx)
			return err
		}
		box.Kill(ctx)
	}
	return nil
}

// oracle notes what is resident now.
func (c *coldStart) oracle(dirs []string) error {
	n, err := c.subject.touched(dirs)
	c.cold.Oracle = append(c.cold.Oracle, n)
	return err
}
