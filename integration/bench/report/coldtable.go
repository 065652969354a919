// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// writeCold writes the table of one image.
func (r *Report) writeCold(w io.Writer, c Cold) error {
	fmt.Fprintf(w, "\ncold start of %s: %s MB compressed, %.0f Mbit/s, round trip %.0f ms, %d CPUs\n",
		c.Image, megabytes(float64(c.Compressed)), r.Mbit, r.RTT*1e3, r.CPUs)
	fmt.Fprintf(w, "floor %.2f s (pull of an empty image %.2f + warm run under overlayfs %.2f); oracle %s MB; everything local in %.2f s at best\n\n",
		c.Floor(), Median(c.EmptyPull), Median(c.WarmRun), megabytes(c.OracleBytes()), c.LocalLimit(r.Mbit, r.CPUs))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "snapshotter\truns\tlazy\tpull s\trun s\tREADY s\tabove floor s\tMB at READY\tof oracle\tlocal s\tdaemon MiB\tdaemon CPU s\tcontainerd CPU s\t")
	for _, row := range c.Rows {
		if len(row.Starts) == 0 {
			fmt.Fprintf(t, "%s\t0\t\t\t\t\t\t\t\t\t\t\t\t\n", row.Snapshotter)
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%.2f\t%.2f\t%.2f\t%s\t%s\t%s\t%s\t%s\t%.1f\t%.1f\t\n", row.Snapshotter, len(row.Starts), row.Starts[0].Lazy,
			row.median(func(s Start) float64 { return s.Pull }), row.median(func(s Start) float64 { return s.Run }),
			row.median(Start.Total), c.aboveFloorText(row), megabytes(row.bytes()), ratio(row.bytes(), c.OracleBytes()), row.localText(),
			mebibytes(row.peak()), row.median(func(s Start) float64 { return s.CPU }), row.median(func(s Start) float64 { return s.ContainerdCPU }))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	c.writeRatios(w)
	return nil
}

// writeRatios compares Spry with every other snapshotter, and these with
// overlayfs.
func (c Cold) writeRatios(w io.Writer) {
	fmt.Fprintln(w)
	for _, a := range c.Rows {
		for _, b := range c.Rows {
			if a.Snapshotter == b.Snapshotter || len(a.Starts) == 0 || len(b.Starts) == 0 ||
				a.Snapshotter != spry && (a.Snapshotter == overlayfs || b.Snapshotter != overlayfs) {
				continue
			}
			fmt.Fprintf(w, "%s / %s: above the floor %s, to READY %s\n", a.Snapshotter, b.Snapshotter,
				c.aboveFloorRatio(a, b), ratio(a.median(Start.Total), b.median(Start.Total)))
		}
	}
	for _, a := range c.Rows {
		writeFailures(w, a.Snapshotter, a.Errors...)
	}
}

// The snapshotters that others are compared with.
const (
	overlayfs = "overlayfs"
	spry      = "spry"
)

func (c Cold) aboveFloorText(r Row) string {
	if !c.floorKnown() {
		return unknown
	}
	return fmt.Sprintf("%.2f", c.AboveFloor(r))
}

func (c Cold) aboveFloorRatio(a, b Row) string {
	if !c.floorKnown() {
		return unknown
	}
	return ratio(c.AboveFloor(a), c.AboveFloor(b))
}

func (r Row) bytes() float64 { return r.median(func(s Start) float64 { return float64(s.Bytes) }) }

func (r Row) localText() string {
	if s, ok := r.local(); ok {
		return fmt.Sprintf("%.2f", s)
	}
	return unknown
}

const unknown = "n/a"

func megabytes(bytes float64) string { return fmt.Sprintf("%.1f", bytes/1e6) }

// mebibytes is empty for 0: overlayfs has no daemon.
func mebibytes(bytes float64) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", bytes/(1<<20))
}

func ratio(a, b float64) string {
	if r, ok := Ratio(a, b); ok {
		return fmt.Sprintf("%.2f", r)
	}
	return unknown
}
