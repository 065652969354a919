// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"errors"
	"os"
	"runtime"

	"github.com/spryd/spry/integration/bench/report"
)

// run does all parts and prints the tables; what was measured before an error
// is printed too.
func run(ctx context.Context, o options) (err error) {
	b, err := openBed(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r := &report.Report{Mbit: o.mbit, RTT: o.rtt.Seconds(), CPUs: runtime.NumCPU()}
	err = b.measure(ctx, r)
	return errors.Join(err, r.WriteTables(os.Stdout), writeJSON(r, o.json), r.Failure())
}

// measure fills in the report, part by part.
func (b *bed) measure(ctx context.Context, r *report.Report) error {
	subjects, err := b.subjects(ctx)
	if err != nil {
		return err
	}
	if b.o.does("cold") || b.o.does("warm") || b.o.does("demand") {
		for _, s := range subjects {
			b.say("publishing %s: %d layers, %.0f MB", s.name, len(s.img.Layers), float64(s.img.CompressedSize())/1e6)
			if err := errors.Join(b.publish(ctx, s.name, s.img), b.index(ctx, s)); err != nil {
				return err
			}
		}
	}
	if b.o.does("cold") {
		if err := b.cold(ctx, subjects, r); err != nil {
			return err
		}
	}
	if s := pickWarm(subjects, b.o.warm); b.o.does("warm") && s != nil {
		w, err := b.warm(ctx, s)
		r.Warm = append(r.Warm, w)
		if err != nil {
			return err
		}
	}
	if b.o.does("fullread") {
		if err := b.fullReads(ctx, r); err != nil {
			return err
		}
	}
	if len(subjects) == 0 {
		return nil
	}
	if b.o.does("demand") {
		if err := b.demand(ctx, subjects, r); err != nil {
			return err
		}
	}
	if b.o.does("idle") {
		return b.idle(ctx, subjects, r)
	}
	return nil
}

// pickWarm is the named image, or the largest.
func pickWarm(subjects []*subject, name string) *subject {
	var best *subject
	for _, s := range subjects {
		switch {
		case name == s.name:
			return s
		case name == "" && (best == nil || s.img.CompressedSize() > best.img.CompressedSize()):
			best = s
		}
	}
	return best
}

func writeJSON(r *report.Report, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(r.WriteJSON(f), f.Close())
}
