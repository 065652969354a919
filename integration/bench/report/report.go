// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package report is what the benchmark has measured, as values, and how these
// become tables and JSON. Nothing here measures.
package report

import (
	"encoding/json"
	"fmt"
	"io"
)

// Report is one run of the benchmark.
type Report struct {
	// Mbit is the bandwidth to the registry in Mbit/s, RTT its round-trip time
	// in seconds, CPUs the number of processors.
	Mbit float64 `json:"mbit"`
	RTT  float64 `json:"rtt"`
	CPUs int     `json:"cpus"`

	Cold      []Cold     `json:"cold,omitempty"`
	Warm      []Warm     `json:"warm,omitempty"`
	FullReads []FullRead `json:"full_reads,omitempty"`
	Demand    *Demand    `json:"demand,omitempty"`
	Idle      *Idle      `json:"idle,omitempty"`
}

// WriteJSON writes all single measurements.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Failure is an error if any measured start has failed.
func (r *Report) Failure() error {
	n := 0
	for _, c := range r.Cold {
		for _, row := range c.Rows {
			n += len(row.Errors)
		}
	}
	for _, f := range r.FullReads {
		for _, row := range f.Rows {
			n += len(row.Errors)
		}
	}
	if r.Demand != nil {
		for _, row := range r.Demand.Rows {
			n += len(row.Errors)
		}
	}
	if r.Idle != nil {
		for _, row := range r.Idle.Rows {
			if row.Error != "" {
				n++
			}
		}
	}
	if n > 0 {
		return fmt.Errorf("%d starts have failed", n)
	}
	return nil
}

// WriteTables writes medians and ratios for people.
func (r *Report) WriteTables(w io.Writer) error {
	for _, c := range r.Cold {
		if err := r.writeCold(w, c); err != nil {
			return err
		}
	}
	for _, m := range r.Warm {
		if err := writeWarm(w, m); err != nil {
			return err
		}
	}
	for _, f := range r.FullReads {
		if err := r.writeFullRead(w, f); err != nil {
			return err
		}
	}
	if r.Demand != nil {
		if err := r.writeDemand(w, r.Demand); err != nil {
			return err
		}
	}
	if r.Idle != nil {
		return writeIdle(w, r.Idle)
	}
	return nil
}

// writeFailures says below a table what a snapshotter failed to do.
func writeFailures(w io.Writer, snapshotter string, errors ...string) {
	for _, e := range errors {
		fmt.Fprintf(w, "%s: FAILED: %s\n", snapshotter, e)
	}
}
