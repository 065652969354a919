// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"

	"github.com/spryd/spry/integration/bench/report"
	"github.com/spryd/spry/integration/bench/work"
	"github.com/spryd/spry/integration/testbed"
)

// demandReads is how many reads of a file that is not local are timed.
const demandReads = 40

// demand measures how long single reads of an image wait that is not local: alone on
// the host, and while the largest image streams in, whose container has started.
func (b *bed) demand(ctx context.Context, subjects []*subject, r *report.Report) error {
	tool, err := b.tool()
	if err != nil {
		return err
	}
	d := dataFiles[0]
	img, err := d.image(b.tools.Cache)
	if err != nil {
		return err
	}
	if err := b.publish(ctx, d.name, img); err != nil {
		return err
	}
	kinds := b.lazySnapshotters()
	r.Demand = &report.Demand{Name: d.name, Reads: demandReads}
	for _, other := range []*subject{nil, pickWarm(subjects, b.o.warm)} {
		for _, sn := range kinds {
			row := report.DemandRow{Snapshotter: sn.Name}
			if other != nil {
				row.Beside = other.name
			}
			r.Demand.Rows = append(r.Demand.Rows, row)
		}
	}
	for range b.o.runs {
		for i := range r.Demand.Rows {
			row := &r.Demand.Rows[i]
			m := demandRun{bed: b, tool: tool, file: d.name, row: row}
			if row.Beside != "" {
				m.other = pickWarm(subjects, row.Beside)
			}
			err := b.withHost(ctx, kinds[i%len(kinds)], func(h *testbed.Host) error { return m.measure(ctx, h) })
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				b.say("%s %s: %v", d.name, row.Snapshotter, err)
				row.Errors = append(row.Errors, firstLine(err))
			}
		}
	}
	return nil
}

// demandRun is the reads on one host.
type demandRun struct {
	bed        *bed
	tool, file string
	other      *subject // nil: nothing else happens
	row        *report.DemandRow
}

// measure starts the other container, then one that reads.
func (d demandRun) measure(ctx context.Context, h *testbed.Host) error {
	if o := d.other; o != nil {
		ref := d.bed.ref(o.name, h.Tag())
		if err := h.Pull(ctx, ref); err != nil {
			return err
		}
		box, err := h.Run(ctx, testbed.RunOptions{ID: "other", Ref: ref, Args: o.args})
		if err != nil {
			return err
		}
		defer box.Kill(ctx)
	}
	ref := d.bed.ref(d.file, h.Tag())
	if err := h.Pull(ctx, ref); err != nil {
		return err
	}
	box, err := h.Run(ctx, testbed.RunOptions{ID: "reader", Ref: ref, Args: hold, Bind: d.tool})
	if err != nil {
		return err
	}
	defer box.Kill(ctx)
	before := d.bed.link.Bytes()
	r, err := do(ctx, box, work.Task{Kind: "demand", Path: "/" + d.file, Count: demandReads})
	if err != nil {
		return err
	}
	run := report.DemandRun{Waits: r.Waits, Seconds: r.Seconds, Bytes: d.bed.link.Bytes() - before}
	d.row.Runs = append(d.row.Runs, run)
	d.bed.say("%-10s %-14s beside %q: %d reads in %.2f s, %.1f MB crossed the line meanwhile", d.file, h.Name(), d.row.Beside, len(r.Waits), r.Seconds, float64(run.Bytes)/1e6)
	return nil
}
