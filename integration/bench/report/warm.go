// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Warm is work inside containers whose image is local.
type Warm struct {
	Image string `json:"image"`
	// Kinds are the columns: overlayfs, lazy (all local, through FUSE), plain.
	Kinds []string `json:"kinds"`
	Works []Work   `json:"works"`
	// Notes say why something is missing.
	Notes []string `json:"notes,omitempty"`
}

// Work is one task under every kind of container.
type Work struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Rates are units a second by kind; none if it was not measured.
	Rates map[string][]float64 `json:"rates"`
}

// writeWarm writes medians, and of each kind but the first how fast it is
// compared with the first.
func writeWarm(w io.Writer, m Warm) error {
	fmt.Fprintf(w, "\nwork inside a container of %s, everything local (higher is better)\n\n", m.Image)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "work\tunit\t")
	for i, k := range m.Kinds {
		fmt.Fprintf(t, "%s\t", k)
		if i > 0 {
			fmt.Fprintf(t, "of %s\t", m.Kinds[0])
		}
	}
	fmt.Fprintln(t)
	for _, x := range m.Works {
		fmt.Fprintf(t, "%s\t%s\t", x.Name, x.Unit)
		base := Median(x.Rates[m.Kinds[0]])
		for i, k := range m.Kinds {
			rate, share := unknown, unknown
			if v := x.Rates[k]; len(v) > 0 {
				rate, share = fmt.Sprintf("%.0f", Median(v)), ratio(Median(v), base)
			}
			fmt.Fprintf(t, "%s\t", rate)
			if i > 0 {
				fmt.Fprintf(t, "%s\t", share)
			}
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range m.Notes {
		fmt.Fprintln(w, n)
	}
	return nil
}
