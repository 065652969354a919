// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"strconv"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
)

// ztocRow is a ztoc or compact index in a listing.
type ztocRow struct {
	Digest digest.Digest `json:"digest"`
	// Form is one of the values of --format.
	Form string `json:"form"`
	// Size is of the index in bytes.
	Size     int64           `json:"size"`
	Layer    digest.Digest   `json:"layer"`
	SpanSize int64           `json:"span_size,omitempty"`
	Indexes  []digest.Digest `json:"indexes"`
}

func (a *app) ztocLsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls [flags] [IMAGE]",
		Aliases: []string{"list"},
		Short:   "List the ztocs and compact indexes that indexes name",
		Example: `  spry ztoc ls
  spry ztoc ls docker.io/library/redis:7
  spry ztoc ls oci:build`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := a.indexes(cmd.Context(), append(args, "")[0])
			if err != nil {
				return err
			}
			return a.printZtocs(ztocRows(found), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// ztocRows lists what indexes name, each once.
func ztocRows(found []place.Found) []ztocRow {
	rows := []ztocRow{}
	at := map[digest.Digest]int{}
	for _, f := range found {
		var all []ztocRow
		for _, l := range f.Index.Layers {
			all = append(all, ztocRow{Digest: l.Descriptor.Digest, Form: formatSOCI, Size: l.Descriptor.Size, Layer: l.Layer, SpanSize: l.SpanSize})
		}
		for _, c := range f.Index.Compact {
			all = append(all, ztocRow{Digest: c.Descriptor.Digest, Form: formatCompact, Size: c.Descriptor.Size, Layer: c.Layer})
		}
		for _, row := range all {
			i, ok := at[row.Digest]
			if !ok {
				i = len(rows)
				at[row.Digest] = i
				rows = append(rows, row)
			}
			rows[i].Indexes = append(rows[i].Indexes, f.Desc.Digest)
		}
	}
	return rows
}

func (a *app) printZtocs(rows []ztocRow, asJSON bool) error {
	if asJSON {
		return a.printJSON(rows)
	}
	table := [][]string{{"DIGEST", "FORM", "SIZE", "SPAN SIZE", "LAYER"}}
	for _, r := range rows {
		spanSize := "-"
		if r.SpanSize > 0 {
			spanSize = strconv.FormatInt(r.SpanSize, 10)
		}
		table = append(table, []string{r.Digest.String(), r.Form, progress.Size(r.Size), spanSize, r.Layer.String()})
	}
	return a.table(table)
}
