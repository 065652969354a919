// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// FullRead is the first read of one large file from start to end, begun as
// soon as the container runs.
type FullRead struct {
	Name string `json:"name"`
	// Size is that of the file in bytes, Compressed what of the layer holds it.
	Size       int64 `json:"size"`
	Compressed int64 `json:"compressed"`
	// Inflate is how long inflating it takes on one processor, in seconds.
	Inflate float64       `json:"inflate"`
	Rows    []FullReadRow `json:"rows"`
}

// FullReadRow is one snapshotter's reads.
type FullReadRow struct {
	Snapshotter string `json:"snapshotter"`
	// Seconds is from open to end of file; BytesBefore had crossed the line
	// when the read began.
	Seconds     []float64 `json:"seconds"`
	BytesBefore []int64   `json:"bytes_before"`
	Errors      []string  `json:"errors,omitempty"`
}

// LineRate is which share of the line a read that took so long has used: what
// of the file had to cross the line in that time, by the line's rate.
func (f FullRead) LineRate(seconds float64, before int64, mbit float64) float64 {
	rate, _ := Ratio(float64(max(f.Compressed-before, 0))*8/1e6, seconds*mbit)
	return rate
}

// writeFullRead writes the table.
func (r *Report) writeFullRead(w io.Writer, f FullRead) error {
	fmt.Fprintf(w, "\nfirst full read of %s, a file of %s MB (%s MB compressed, inflated in %.2f s), %.0f Mbit/s, round trip %.0f ms\n\n",
		f.Name, megabytes(float64(f.Size)), megabytes(float64(f.Compressed)), f.Inflate, r.Mbit, r.RTT*1e3)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "snapshotter\truns\tseconds\tMB/s\tof line rate\t")
	for _, row := range f.Rows {
		var rates []float64
		for i, s := range row.Seconds {
			rates = append(rates, f.LineRate(s, row.BytesBefore[i], r.Mbit))
		}
		s := Median(row.Seconds)
		mbs, _ := Ratio(float64(f.Size)/1e6, s)
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.0f\t%.2f\t\n", row.Snapshotter, len(row.Seconds), s, mbs, Median(rates))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, row := range f.Rows {
		writeFailures(w, row.Snapshotter, row.Errors...)
	}
	return nil
}
