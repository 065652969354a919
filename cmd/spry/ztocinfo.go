// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/ztocfile"
	"github.com/spryd/spry/index/compact"
)

func (a *app) ztocInfoCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "info [flags] DIGEST",
		Short: "Show the table of a ztoc or a compact index as JSON",
		Example: `  spry ztoc info sha256:70c5eeb3fbbca751d5b289b0b8ece6cf71c0f35f73e7a328c90e2a452bddeac4
  spry ztoc info --from docker://registry.example/redis:7 sha256:70c5eeb3fbbca751d5b289b0b8ece6cf71c0f35f73e7a328c90e2a452bddeac4`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.ztocInfo(cmd.Context(), from, args[0])
		},
	}
	fromFlag(cmd, &from)
	return cmd
}

func (a *app) ztocInfo(ctx context.Context, from, dgst string) (err error) {
	img, err := a.openStore(ctx, from)
	if err != nil {
		return err
	}
	defer closing(img, &err)
	d, b, err := readArtifact(ctx, img, dgst)
	if err != nil {
		return err
	}
	if l, err := compact.Decode(b); !errors.Is(err, compact.ErrInvalid) {
		if err != nil {
			return fmt.Errorf("compact index %s: %w", d, err)
		}
		return a.printJSON(ztocfile.DescribeCompact(l, int64(len(b))))
	}
	z, err := decodeZtoc(d, b)
	if err != nil {
		return err
	}
	return a.printJSON(ztocfile.Describe(z, int64(len(b))))
}
