// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spryd/spry/integration/bench/report"
	"github.com/spryd/spry/integration/testbed"
)

// idleImages is how many images a host has whose daemon is idle.
const idleImages = 10

// idle measures what a daemon needs that does nothing for the containers of ten
// different images.
func (b *bed) idle(ctx context.Context, subjects []*subject, r *report.Report) error {
	r.Idle = &report.Idle{}
	variants, err := b.variants(ctx, subjects)
	if err != nil {
		return err
	}
	for _, v := range variants {
		r.Idle.Images = append(r.Idle.Images, v.name)
		r.Idle.Compressed += v.img.CompressedSize()
	}
	for _, sn := range b.lazySnapshotters() {
		row := report.IdleRow{Snapshotter: sn.Name}
		err := b.withHost(ctx, sn, func(h *testbed.Host) error { return b.idleHost(ctx, h, variants, &row) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.say("idle %s: %v", sn.Name, err)
			row.Error = firstLine(err)
		}
		b.say("idle %s: %d layers lazy, %.0f MiB, peak %.0f MiB", sn.Name, row.Lazy, float64(row.Bytes)/(1<<20), float64(row.PeakBytes)/(1<<20))
		r.Idle.Rows = append(r.Idle.Rows, row)
	}
	return nil
}

// variants publishes ten images that share nothing but their content.
func (b *bed) variants(ctx context.Context, subjects []*subject) ([]*subject, error) {
	var out []*subject
	for i := range idleImages {
		s := subjects[i%len(subjects)]
		name := fmt.Sprintf("%s-%d", s.name, i/len(subjects))
		b.say("publishing %s", name)
		img, err := s.img.Variant(b.dir, i)
		if err != nil {
			return nil, err
		}
		if err := b.publish(ctx, name, img); err != nil {
			return nil, err
		}
		out = append(out, &subject{name: name, img: img, args: s.args})
	}
	return out, nil
}

// idleHost starts a container of every image, and looks at the daemon when all has
// come that it fetches.
func (b *bed) idleHost(ctx context.Context, h *testbed.Host, images []*subject, row *report.IdleRow) error {
	for i, s := range images {
		ref := b.ref(s.name, h.Tag())
		if err := h.Pull(ctx, ref); err != nil {
			return err
		}
		box, err := h.Run(ctx, testbed.RunOptions{ID: fmt.Sprint("idle-", i), Ref: ref, Args: s.args})
		if err != nil {
			return err
		}
		defer box.Kill(ctx)
	}
	end := time.Now().Add(b.o.localWait)
	for seen, since := b.link.Bytes(), time.Now(); time.Since(since) < b.o.idleWait && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if n := b.link.Bytes(); n != seen {
			seen, since = n, time.Now()
		}
	}
	var err error
	if row.Lazy, err = h.Lazy(); err != nil {
		return err
	}
	u, err := h.Usage()
	row.Bytes, row.PeakBytes = u.Bytes, u.PeakBytes
	return err
}
