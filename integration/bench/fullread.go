// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"fmt"

	"github.com/spryd/spry/integration/bench/oracle"
	"github.com/spryd/spry/integration/bench/report"
	"github.com/spryd/spry/integration/bench/work"
	"github.com/spryd/spry/integration/testbed"
)

// fullReads measures the first read of large files, begun at once.
func (b *bed) fullReads(ctx context.Context, r *report.Report) error {
	tool, err := b.tool()
	if err != nil {
		return err
	}
	for _, d := range dataFiles {
		b.say("image %s: one file of 300 MB, made unless it is in the cache", d.name)
		f, err := b.prepareRead(ctx, d)
		if err != nil {
			return err
		}
		r.FullReads = append(r.FullReads, f)
		if err := b.fullRead(ctx, tool, &r.FullReads[len(r.FullReads)-1]); err != nil {
			return err
		}
	}
	return nil
}

// prepareRead publishes the file's image.
func (b *bed) prepareRead(ctx context.Context, d dataFile) (report.FullRead, error) {
	f := report.FullRead{Name: d.name}
	img, err := d.image(b.tools.Cache)
	if err != nil {
		return f, err
	}
	if err := b.publish(ctx, d.name, img); err != nil {
		return f, err
	}
	l, err := oracle.IndexLayer(ctx, img.Layers[0])
	if err != nil {
		return f, err
	}
	_, f.Size, f.Compressed = l.Largest()
	took, err := oracle.InflateTime(img.Layers[0])
	f.Inflate = took.Seconds()
	return f, err
}

// fullRead reads a file under every lazy snapshotter.
func (b *bed) fullRead(ctx context.Context, tool string, f *report.FullRead) error {
	kinds := b.lazySnapshotters()
	for _, sn := range kinds {
		f.Rows = append(f.Rows, report.FullReadRow{Snapshotter: sn.Name})
	}
	for range b.o.runs {
		for i, sn := range kinds {
			once := firstRead{bed: b, ref: b.ref(f.Name, sn.Tag), path: "/" + f.Name, row: &f.Rows[i]}
			err := b.withHost(ctx, sn, func(h *testbed.Host) error { return once.measure(ctx, h, tool) })
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				b.say("%s %s: %v", f.Name, sn.Name, err)
				f.Rows[i].Errors = append(f.Rows[i].Errors, firstLine(err))
			}
		}
	}
	return nil
}

// firstRead is one measured read.
type firstRead struct {
	bed       *bed
	ref, path string
	row       *report.FullReadRow
}

// measure pulls, starts a container and reads the file in it.
func (f firstRead) measure(ctx context.Context, h *testbed.Host, tool string) error {
	before := f.bed.link.Bytes()
	if err := h.Pull(ctx, f.ref); err != nil {
		return err
	}
	box, err := h.Run(ctx, testbed.RunOptions{ID: "read", Ref: f.ref, Args: hold, Bind: tool})
	if err != nil {
		return err
	}
	defer box.Kill(ctx)
	before = f.bed.link.Bytes() - before
	r, err := do(ctx, box, work.Task{Kind: "read", Path: f.path})
	if err != nil {
		return err
	}
	f.bed.say("%-10s %-14s %.0f MB in %.2f s, %.1f MB had crossed before", f.path, h.Name(), float64(r.Units)/1e6, r.Seconds, float64(before)/1e6)
	f.row.Seconds = append(f.row.Seconds, r.Seconds)
	f.row.BytesBefore = append(f.row.BytesBefore, before)
	return nil
}

// hold is the command of a container that waits for work.
var hold = []string{"/testbed/bench", "work", "hold"}

// do runs a task in a container.
func do(ctx context.Context, box *testbed.Container, t work.Task) (work.Result, error) {
	out, err := box.Exec(ctx, append([]string{"/testbed/bench", "work"}, t.Args()...)...)
	if err != nil {
		return work.Result{}, fmt.Errorf("%s %s: %w", t.Kind, t.Path, err)
	}
	return work.ParseResult(out)
}
