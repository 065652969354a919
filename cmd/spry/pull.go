// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/cmd/spry/internal/pull"
)

func (a *app) pullCommand() *cobra.Command {
	var flags pullFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull [flags] REF",
		Short: "Pull an image into containerd, lazily",
		Long: `Pull an image into containerd with what a remote snapshotter has to know about
its layers, and tell for each layer whether it is lazy and, if not, why.`,
		Example: `  spry pull registry.example/redis:7
  spry --namespace k8s.io pull --platform linux/arm64 registry.example/redis:7`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := flags.options(a, args[0])
			if err != nil {
				return err
			}
			places, err := a.places()
			if err != nil {
				return err
			}
			if o.Client, err = places.Client(cmd.Context()); err != nil {
				return err
			}
			rep, err := pull.Pull(cmd.Context(), o)
			if err != nil {
				return err
			}
			return a.printPull(rep, asJSON)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// pullFlags say how an image is pulled.
type pullFlags struct{ snapshotter, platform, index string }

func (p *pullFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.snapshotter, "snapshotter", envOr("CONTAINERD_SNAPSHOTTER", "spry"), "`name` of the snapshotter in containerd (CONTAINERD_SNAPSHOTTER)")
	f.StringVar(&p.platform, "platform", "", "`platform` to pull, this host's if empty")
	f.StringVar(&p.index, "soci-index-digest", "", "`digest` of the index to use, whatever the image names")
}

// options are the flags as the pull wants them; the client is left out.
func (p *pullFlags) options(a *app, ref string) (pull.Options, error) {
	o := pull.Options{Namespace: a.namespace, Snapshotter: p.snapshotter, Platform: p.platform}
	n, err := place.Parse(ref)
	if err != nil {
		return o, &usageError{err}
	}
	if n.Kind != place.Containerd && n.Kind != place.Registry {
		return o, usagef("%s: want the reference of an image in a registry", n)
	}
	named, err := reference.ParseDockerRef(n.Ref)
	if err != nil {
		return o, usagef("%s: %w", n, err)
	}
	o.Ref = named.String()
	if p.index != "" {
		if o.Index, err = digest.Parse(p.index); err != nil {
			return o, usagef("--soci-index-digest %s: %w", p.index, err)
		}
	}
	o.Display = a.progress()
	o.Hosts, err = a.hosts()
	return o, err
}

func (a *app) printPull(rep *pull.Report, asJSON bool) error {
	if asJSON {
		return a.printJSON(rep)
	}
	lazy := 0
	var rows [][]string
	for _, l := range rep.Layers {
		state := "lazy"
		if l.Lazy {
			lazy++
		} else {
			state = "not lazy: " + l.Reason
		}
		rows = append(rows, []string{l.Digest.String(), progress.Size(l.Size), state})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	return a.printf("%s %s: %d of %d layers are lazy\n", rep.Image, rep.Digest, lazy, len(rep.Layers))
}
