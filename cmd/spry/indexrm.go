// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
)

func (a *app) indexRmCommand() *cobra.Command {
	var from, ref string
	cmd := &cobra.Command{
		Use:     "rm [flags] DIGEST... | --ref IMAGE",
		Aliases: []string{"remove"},
		Short:   "Remove indexes that are kept beside images (v1)",
		Long: `Remove indexes that are kept beside images, and what only they used. An index
that an image names (v2) goes with its image.`,
		Example: `  spry index rm sha256:fec1449fb874396872c0ec708be2946c297d5164ffa8e7674587c11b6e984c4a
  spry index rm --ref docker.io/library/redis:7
  spry index rm --from oci:build sha256:fec1449fb874396872c0ec708be2946c297d5164ffa8e7674587c11b6e984c4a`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (ref == "") {
				return usagef("want digests or --ref, see %s --help", cmd.CommandPath())
			}
			if ref != "" {
				return a.removeIndexesOf(cmd.Context(), ref)
			}
			return a.removeIndexes(cmd.Context(), from, args)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "`place` to remove from: containerd if empty, oci:DIR or oci-archive:FILE")
	cmd.Flags().StringVar(&ref, "ref", "", "remove all indexes of this `image`")
	return cmd
}

func (a *app) removeIndexes(ctx context.Context, from string, digests []string) (err error) {
	img, err := a.openStore(ctx, from)
	if err != nil {
		return err
	}
	defer closing(img, &err)
	p, ok := img.(place.Indexed)
	if !ok {
		return errNotListed
	}
	for _, s := range digests {
		dgst, err := digest.Parse(s)
		if err != nil {
			return usagef("%s: %w", s, err)
		}
		if err := p.RemoveIndex(ctx, dgst); err != nil {
			return err
		}
		if err := a.printf("%s\n", dgst); err != nil {
			return err
		}
	}
	return nil
}

// removeIndexesOf removes the v1 indexes of an image.
func (a *app) removeIndexesOf(ctx context.Context, name string) error {
	found, err := a.indexes(ctx, name)
	if err != nil {
		return err
	}
	var digests []string
	for _, f := range found {
		if f.Index.Version == 1 {
			digests = append(digests, f.Desc.Digest.String())
		}
	}
	return a.removeIndexes(ctx, name, digests)
}
