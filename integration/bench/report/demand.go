// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Demand is single reads of a file that is not local, each of which has to be
// fetched.
type Demand struct {
	Name string `json:"name"`
	// Reads is how many one run makes.
	Reads int         `json:"reads"`
	Rows  []DemandRow `json:"rows"`
}

// DemandRow is the reads under one snapshotter.
type DemandRow struct {
	Snapshotter string `json:"snapshotter"`
	// Beside is the image that streams in meanwhile, "" if none does.
	Beside string      `json:"beside,omitempty"`
	Runs   []DemandRun `json:"runs"`
	Errors []string    `json:"errors,omitempty"`
}

// DemandRun is the reads of one container.
type DemandRun struct {
	// Waits is how long each read took, in seconds.
	Waits []float64 `json:"waits"`
	// Seconds is all of them together, in which Bytes crossed the line.
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`
}

// wait is the median over all runs of a quantile of their reads, in seconds.
func (r DemandRow) wait(q float64) float64 {
	var v []float64
	for _, run := range r.Runs {
		v = append(v, Quantile(run.Waits, q))
	}
	return Median(v)
}

// rate is the median rate of the line meanwhile, in bytes a second.
func (r DemandRow) rate() float64 {
	var v []float64
	for _, run := range r.Runs {
		rate, _ := Ratio(float64(run.Bytes), run.Seconds)
		v = append(v, rate)
	}
	return Median(v)
}

// writeDemand writes the table, and by how much more than alone reads wait beside
// another image.
func (r *Report) writeDemand(w io.Writer, d *Demand) error {
	fmt.Fprintf(w, "\n%d reads of 4 KiB of %s, none of them local, one after the other; %.0f Mbit/s, round trip %.0f ms\n\n", d.Reads, d.Name, r.Mbit, r.RTT*1e3)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "snapshotter\twhile streams in\truns\tmedian ms\t95 % ms\tlongest ms\tline MB/s\t")
	for _, row := range d.Rows {
		beside := row.Beside
		if beside == "" {
			beside = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f\t%.1f\t%.1f\t%s\t\n", row.Snapshotter, beside, len(row.Runs),
			row.wait(0.5)*1e3, row.wait(0.95)*1e3, row.wait(1)*1e3, megabytes(row.rate()))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, row := range d.Rows {
		writeFailures(w, row.Snapshotter, row.Errors...)
	}
	return nil
}

// Quantile is the value that the share q of values do not exceed; 0 of none.
func Quantile(values []float64, q float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if len(v) == 0 {
		return 0
	}
	return v[min(int(q*float64(len(v))), len(v)-1)]
}
