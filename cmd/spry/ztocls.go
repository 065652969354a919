// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"strconv"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/progress"
)

// ztocRow is a ztoc in a listing.
type ztocRow struct {
	Digest digest.Digest `json:"digest"`
	// Size is of the ztoc in bytes.
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
		Short:   "List the ztocs that indexes name",
		Example: `  spry ztoc ls
  spry ztoc ls docker.io/library/redis:7
  spry ztoc ls oci:build`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := a.indexes(cmd.Context(), append(args, "")[0])
			if err != nil {
				return err
			}
			rows := []ztocRow{}
			at := map[digest.Digest]int{}
			for _, f := range found {
				for _, l := range f.Index.Layers {
					i, ok := at[l.Descriptor.Digest]
					if !ok {
						i = len(rows)
						at[l.Descriptor.Digest] = i
						rows = append(rows, ztocRow{Digest: l.Descriptor.Digest, Size: l.Descriptor.Size, Layer: l.Layer, SpanSize: l.SpanSize})
					}
					rows[i].Indexes = append(rows[i].Indexes, f.Desc.Digest)
				}
			}
			return a.printZtocs(rows, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) printZtocs(rows []ztocRow, asJSON bool) error {
	if asJSON {
		return a.printJSON(rows)
	}
	table := [][]string{{"DIGEST", "SIZE", "SPAN SIZE", "LAYER"}}
	for _, r := range rows {
		spanSize := "-"
		if r.SpanSize > 0 {
			spanSize = strconv.FormatInt(r.SpanSize, 10)
		}
		table = append(table, []string{r.Digest.String(), progress.Size(r.Size), spanSize, r.Layer.String()})
	}
	return a.table(table)
}
