// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/job"
)

func (a *app) convertCommand() *cobra.Command {
	var flags convertFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "convert [flags] SRC DST",
		Short: "Index an image and write an image that names its indexes (v2)",
		Long: `Index the layers of SRC and write DST: the same image as an OCI index whose
manifests name their indexes. Layers are not changed. Whoever knows nothing of
indexes runs DST like SRC.

A layer that cannot be indexed is left out, with its reason; it is an error if
no layer is left. Converting an image again gives the same bytes.`,
		Example: `  spry convert docker.io/library/redis:7 localhost:5000/redis:7-lazy
  spry convert docker://docker.io/library/redis:7 docker://registry.example/redis:7
  spry convert --platform linux/amd64 --platform linux/arm64 oci:build:latest oci:build:lazy
  spry convert --prefetch-file /usr/bin/redis-server oci-archive:in.tar oci-archive:out.tar`,
		Args: exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := flags.options(a)
			if err != nil {
				return err
			}
			rep, err := a.convert(cmd.Context(), args[0], args[1], o)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(rep)
			}
			return a.printf("%s\n", rep.Digest)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return cmd
}

func (a *app) convert(ctx context.Context, from, to string, o job.Options) (rep *job.Report, err error) {
	src, err := a.open(ctx, from)
	if err != nil {
		return nil, err
	}
	defer closing(src, &err)
	dst, err := a.open(ctx, to)
	if err != nil {
		return nil, err
	}
	defer closing(dst, &err)
	return job.Convert(ctx, src, dst, o)
}
