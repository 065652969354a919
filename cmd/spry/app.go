// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/containerd/log"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/fs/remote"
)

// app is what all commands share: the global flags and what is opened on the
// way. Results go to out, everything else to errOut.
type app struct {
	out    io.Writer
	errOut *os.File

	address, namespace string
	plainHTTP          bool
	user               string
	hostsDirs          []string
	quiet, debug       bool

	registry *remote.Registry
	opener   *place.Opener
	display  *progress.Display
}

func newApp(out io.Writer, errOut *os.File) *app { return &app{out: out, errOut: errOut} }

// root is the command tree.
func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spry",
		Short: "Make, show and move the indexes that let containers start before their image is there",
		Long: `Make, show and move the indexes that let containers start before their image is there.

Images are named as skopeo names them:
  REF, containerd:REF       an image in containerd
  oci:DIR[:TAG]             an image in an OCI layout
  oci-archive:FILE[:TAG]    an image in a tar of an OCI layout
  docker://REF              an image in a registry, without containerd`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	f := cmd.PersistentFlags()
	f.StringVarP(&a.address, "address", "a", envOr("CONTAINERD_ADDRESS", "/run/containerd/containerd.sock"), "`path` of containerd's socket (CONTAINERD_ADDRESS)")
	f.StringVarP(&a.namespace, "namespace", "n", envOr("CONTAINERD_NAMESPACE", "default"), "containerd `namespace` (CONTAINERD_NAMESPACE)")
	f.BoolVar(&a.plainHTTP, "plain-http", false, "speak http to registries")
	f.StringVarP(&a.user, "user", "u", "", "log in to registries as `USER[:PASS]`; the password is asked for if missing")
	f.StringArrayVar(&a.hostsDirs, "hosts-dir", []string{"/etc/containerd/certs.d"}, "`directory` with hosts.toml files (repeatable)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "show no progress")
	f.BoolVar(&a.debug, "debug", false, "log what happens below")
	cmd.PersistentPreRunE = func(*cobra.Command, []string) error {
		level := "error"
		if a.debug {
			level = "debug"
		}
		return log.SetLevel(level)
	}
	cmd.SetOut(a.out)
	cmd.SetErr(a.errOut)
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w, see %s --help", err, c.CommandPath())
	})
	cmd.AddCommand(a.convertCommand(), a.createCommand(), a.pushCommand(), a.pullCommand(), a.indexCommand(), a.ztocCommand(), a.statusCommand())
	return cmd
}

// open opens the image of a name as it was given on the command line; the
// caller closes it.
func (a *app) open(ctx context.Context, name string) (place.Image, error) {
	n, err := place.Parse(name)
	if err != nil {
		return nil, &usageError{err}
	}
	return a.openName(ctx, n)
}

// openStore opens a place, whose image may be missing: containerd is "".
func (a *app) openStore(ctx context.Context, name string) (place.Image, error) {
	if name == "" {
		return a.openName(ctx, place.Name{Kind: place.Containerd})
	}
	return a.open(ctx, name)
}

func (a *app) openName(ctx context.Context, n place.Name) (place.Image, error) {
	o, err := a.places()
	if err != nil {
		return nil, err
	}
	return o.Open(ctx, n)
}

// places makes the opener when it is first needed, after the flags are read.
func (a *app) places() (*place.Opener, error) {
	if a.opener != nil {
		return a.opener, nil
	}
	hosts, err := a.hosts()
	if err != nil {
		return nil, err
	}
	a.registry = remote.New(remote.Options{Hosts: hosts})
	a.opener = place.NewOpener(place.Options{Address: a.address, Namespace: a.namespace, Registry: a.registry})
	return a.opener, nil
}

// progress is the display on errOut.
func (a *app) progress() *progress.Display {
	if a.display == nil {
		if a.quiet {
			a.display = progress.Lines(io.Discard)
		} else {
			a.display = progress.New(a.errOut)
		}
	}
	return a.display
}

// close ends what was opened. What is left to fail here changes no result.
func (a *app) close() {
	if a.display != nil {
		a.display.Close()
	}
	if a.opener != nil {
		_ = a.opener.Close()
	}
	if a.registry != nil {
		_ = a.registry.Close()
	}
}

// printf writes a result.
func (a *app) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format, args...)
	return err
}

// printJSON writes a result for programs.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table writes rows of cells as aligned columns.
func (a *app) table(rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, r := range rows {
		if _, err := fmt.Fprintln(w, progress.Clean(strings.Join(r, "\t"))); err != nil {
			return err
		}
	}
	return w.Flush()
}

// closing closes an image and adds what that says to *err: for an archive it
// is when the file is written.
func closing(img place.Image, err *error) { *err = errors.Join(*err, img.Close()) }

func envOr(key, def string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return def
}

// exactArgs wants n arguments, called what the usage line calls them.
func exactArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("got %d arguments, want: %s", len(args), c.UseLine())
		}
		return nil
	}
}

// rangeArgs wants from lo to hi arguments.
func rangeArgs(lo, hi int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < lo || len(args) > hi {
			return usagef("got %d arguments, want: %s", len(args), c.UseLine())
		}
		return nil
	}
}
