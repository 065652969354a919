// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/job"
)

func (a *app) createCommand() *cobra.Command {
	var flags buildFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create [flags] IMAGE",
		Short: "Index an image and keep the indexes beside it (v1)",
		Long: `Index the layers of IMAGE and keep an index for each platform beside it: in
containerd's content store, in the layout, or in the registry as a referrer.
The image is not changed, and its digest stays.

Snapshotters find such indexes by the registry's referrers only if they are
told to look for them; spry convert has no such need.`,
		Example: `  spry create docker.io/library/redis:7 && spry push docker.io/library/redis:7
  spry create docker://registry.example/redis:7
  spry create --all-platforms oci:build:latest`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := flags.options(a)
			if err != nil {
				return err
			}
			rep, err := a.create(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(rep)
			}
			for _, p := range rep.Platforms {
				if p.Index == "" {
					continue
				}
				if err := a.printf("%s\n", p.Index); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return cmd
}

func (a *app) create(ctx context.Context, name string, o job.Options) (rep *job.Report, err error) {
	img, err := a.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer closing(img, &err)
	return job.Create(ctx, img, o)
}
