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

// fullRead measures the first read of one large file, begun at once.
func (b *bed) fullRead(ctx context.Context) (*report.FullRead, error) {
	b.say("image weights: one file of 300 MB, made unless it is in the cache")
	img, err := weightsImage(b.tools.Cache)
	if err != nil {
		return nil, err
	}
	if err := b.publish(ctx, "weights", img); err != nil {
		return nil, err
	}
	l, err := oracle.IndexLayer(ctx, img.Layers[0])
	if err != nil {
		return nil, err
	}
	f := &report.FullRead{}
	_, f.Size, f.Compressed = l.Largest()
	var kinds []testbed.Snapshotter
	for _, sn := range b.snapshotters() {
		if sn.Name != testbed.Overlayfs.Name {
			kinds = append(kinds, sn)
			f.Rows = append(f.Rows, report.FullReadRow{Snapshotter: sn.Name})
		}
	}
	tool, err := b.tool()
	if err != nil {
		return nil, err
	}
	for range b.o.runs {
		for i, sn := range kinds {
			err := b.withHost(ctx, sn, func(h *testbed.Host) error { return b.readOnce(ctx, h, tool, &f.Rows[i]) })
			if ctx.Err() != nil {
				return f, ctx.Err()
			}
			if err != nil {
				b.say("weights %s: %v", sn.Name, err)
				f.Rows[i].Errors = append(f.Rows[i].Errors, firstLine(err))
			}
		}
	}
	return f, nil
}

// readOnce pulls, starts a container and reads the file in it.
func (b *bed) readOnce(ctx context.Context, h *testbed.Host, tool string, row *report.FullReadRow) error {
	const tag = "soci"
	ref := b.ref("weights", tag)
	before := b.link.Bytes()
	if err := h.Pull(ctx, ref); err != nil {
		return err
	}
	box, err := h.Run(ctx, testbed.RunOptions{ID: "read", Ref: ref, Args: hold, Bind: tool})
	if err != nil {
		return err
	}
	defer box.Kill(ctx)
	before = b.link.Bytes() - before
	r, err := do(ctx, box, work.Task{Kind: "read", Path: "/" + weightsName})
	if err != nil {
		return err
	}
	b.say("weights    %-14s %.0f MB in %.2f s, %.1f MB had crossed before", h.Name(), float64(r.Units)/1e6, r.Seconds, float64(before)/1e6)
	row.Seconds = append(row.Seconds, r.Seconds)
	row.BytesBefore = append(row.BytesBefore, before)
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
