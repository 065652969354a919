// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Idle is hosts with a container of each of several images, where all has come that
// the daemon fetches.
type Idle struct {
	Images []string `json:"images"`
	// Compressed is the size of all layers in bytes.
	Compressed int64     `json:"compressed"`
	Rows       []IdleRow `json:"rows"`
}

// IdleRow is one such host.
type IdleRow struct {
	Snapshotter string `json:"snapshotter"`
	// Lazy is how many layers are FUSE mounts.
	Lazy int `json:"lazy"`
	// Bytes is the resident memory of the daemon's processes; PeakBytes is the
	// sum of the most that each has had.
	Bytes     int64  `json:"bytes"`
	PeakBytes int64  `json:"peak_bytes"`
	Error     string `json:"error,omitempty"`
}

func writeIdle(w io.Writer, i *Idle) error {
	fmt.Fprintf(w, "\nidle daemon, a container of each of %d images runs (%s MB compressed)\n\n", len(i.Images), megabytes(float64(i.Compressed)))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "snapshotter\tlazy\tdaemon MiB\tpeak MiB\t")
	for _, row := range i.Rows {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t\n", row.Snapshotter, row.Lazy, mebibytes(float64(row.Bytes)), mebibytes(float64(row.PeakBytes)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, row := range i.Rows {
		if row.Error != "" {
			writeFailures(w, row.Snapshotter, row.Error)
		}
	}
	return nil
}
