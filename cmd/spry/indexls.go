// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
)

// indexRow is an index in a listing.
type indexRow struct {
	Digest   digest.Digest `json:"digest"`
	Version  int           `json:"version"`
	Platform string        `json:"platform,omitempty"`
	Manifest digest.Digest `json:"manifest,omitempty"`
	Layers   int           `json:"layers"`
	// Size is of all ztocs in bytes.
	Size    int64      `json:"size"`
	Images  []string   `json:"images,omitempty"`
	Created *time.Time `json:"created,omitempty"`
}

func (a *app) indexLsCommand() *cobra.Command {
	var asJSON, onlyDigests bool
	cmd := &cobra.Command{
		Use:     "ls [flags] [IMAGE]",
		Aliases: []string{"list"},
		Short:   "List indexes in containerd, or those of an image or a layout",
		Example: `  spry index ls
  spry index ls docker.io/library/redis:7
  spry index ls oci:build
  spry index ls docker://registry.example/redis:7`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := a.indexes(cmd.Context(), append(args, "")[0])
			if err != nil {
				return err
			}
			rows := make([]indexRow, 0, len(found))
			for _, f := range found {
				rows = append(rows, newIndexRow(f))
			}
			return a.printIndexes(rows, asJSON, onlyDigests)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&onlyDigests, "digests", false, "print only digests")
	return cmd
}

// indexes lists what a place holds; "" is containerd.
func (a *app) indexes(ctx context.Context, name string) (found []place.Found, err error) {
	img, err := a.openStore(ctx, name)
	if err != nil {
		return nil, err
	}
	defer closing(img, &err)
	p, ok := img.(place.Indexed)
	if !ok {
		return nil, errNotListed
	}
	return p.Indexes(ctx)
}

func newIndexRow(f place.Found) indexRow {
	r := indexRow{
		Digest: f.Desc.Digest, Version: f.Index.Version, Manifest: f.Manifest,
		Layers: len(f.Index.Layers), Images: f.Images,
	}
	for _, l := range f.Index.Layers {
		r.Size += l.Descriptor.Size
	}
	if f.Platform != nil {
		r.Platform = platforms.Format(*f.Platform)
	}
	if !f.Created.IsZero() {
		r.Created = &f.Created
	}
	return r
}

func (a *app) printIndexes(rows []indexRow, asJSON, onlyDigests bool) error {
	if asJSON {
		return a.printJSON(rows)
	}
	table := [][]string{{"DIGEST", "VERSION", "PLATFORM", "LAYERS", "SIZE", "IMAGE", "CREATED"}}
	if onlyDigests {
		table = nil
	}
	for _, r := range rows {
		if onlyDigests {
			table = append(table, []string{r.Digest.String()})
			continue
		}
		created := "-"
		if r.Created != nil {
			created = r.Created.UTC().Format(time.RFC3339)
		}
		table = append(table, []string{
			r.Digest.String(), "v" + strconv.Itoa(r.Version), orDash(r.Platform), strconv.Itoa(r.Layers),
			progress.Size(r.Size), orDash(strings.Join(r.Images, ",")), created,
		})
	}
	return a.table(table)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
