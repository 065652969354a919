// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/ztoc"
)

// maxZtoc bounds the bytes of a ztoc that is shown.
const maxZtoc = 1 << 30

func (a *app) ztocCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ztoc",
		Short: "List and show ztocs and compact indexes, and read files of layers by ztocs",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.ztocLsCommand(), a.ztocInfoCommand(), a.ztocGetFileCommand())
	return cmd
}

// fromFlag adds the flag that says where ztocs are.
func fromFlag(cmd *cobra.Command, from *string) {
	cmd.Flags().StringVar(from, "from", "", "`place` of the ztoc: containerd if empty, oci:DIR, oci-archive:FILE, docker://REF")
}

// readZtoc reads the ztoc of the digest s.
func readZtoc(ctx context.Context, src place.Source, s string) (*ztoc.Ztoc, error) {
	dgst, b, err := readArtifact(ctx, src, s)
	if err != nil {
		return nil, err
	}
	return decodeZtoc(dgst, b)
}

// readArtifact reads the ztoc or compact index of the digest s.
func readArtifact(ctx context.Context, src place.Source, s string) (digest.Digest, []byte, error) {
	dgst, err := digest.Parse(s)
	if err != nil {
		return "", nil, usagef("%s: %w", s, err)
	}
	b, err := place.ReadAll(ctx, src, ocispec.Descriptor{MediaType: index.MediaTypeZtoc, Digest: dgst}, maxZtoc)
	return dgst, b, err
}

func decodeZtoc(dgst digest.Digest, b []byte) (*ztoc.Ztoc, error) {
	z, err := ztoc.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("ztoc %s: %w", dgst, err)
	}
	return z, nil
}

// layerOf finds the index entry of a ztoc, and the index.
func layerOf(ctx context.Context, img place.Image, ztocDigest digest.Digest) (index.LayerIndex, place.Found, error) {
	p, ok := img.(place.Indexed)
	if !ok {
		return index.LayerIndex{}, place.Found{}, errNotListed
	}
	found, err := p.Indexes(ctx)
	if err != nil {
		return index.LayerIndex{}, place.Found{}, err
	}
	for _, f := range found {
		for _, l := range f.Index.Layers {
			if l.Descriptor.Digest == ztocDigest {
				return l, f, nil
			}
		}
	}
	return index.LayerIndex{}, place.Found{}, fmt.Errorf("no index names ztoc %s, name its layer with --layer: %w", ztocDigest, errdefs.ErrNotFound)
}
