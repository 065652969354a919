// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spryd/spry/config"
)

// text is the value of a flag.
type text struct {
	value string
	given int // how often
}

// Set is called each time that the flag is given; the last one counts.
func (t *text) Set(s string) error {
	t.value = s
	t.given++
	return nil
}

func (t *text) String() string { return t.value }

// override puts the value there if the flag was given.
func (t *text) override(value *string) {
	if t.given > 0 {
		*value = t.value
	}
}

// options are the command line.
type options struct {
	set                     *flag.FlagSet
	config                  text
	address, root, logLevel text
	printConfig, version    bool
}

func parseFlags(args []string, stderr io.Writer) (*options, error) {
	o := &options{
		set:      flag.NewFlagSet("spryd", flag.ContinueOnError),
		config:   text{value: config.DefaultPath},
		address:  text{value: config.DefaultAddress},
		root:     text{value: config.DefaultRoot},
		logLevel: text{value: config.Default().LogLevel},
	}
	o.set.SetOutput(stderr)
	o.set.Var(&o.config, "config", "configuration `file`; it must exist if this is given")
	o.set.Var(&o.address, "address", "`socket` for containerd's proxy plugin")
	o.set.Var(&o.root, "root", "`directory` of all state")
	o.set.Var(&o.logLevel, "log-level", "least `level` that is logged: trace, debug, info, warn or error")
	o.set.BoolVar(&o.printConfig, "print-config", false, "print the configuration in use, with documentation, and exit")
	o.set.BoolVar(&o.version, "version", false, "print the version and exit")
	if err := o.set.Parse(args); err != nil {
		return nil, err
	}
	if o.set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", o.set.Arg(0))
	}
	return o, nil
}

// serverArgs are the arguments of a server of a keeper that runs with c: the
// keeper's own, and once more root and address, which the keeper holds.
func (o *options) serverArgs(c config.Config) []string {
	args := []string{serveFlag}
	o.set.Visit(func(f *flag.Flag) { args = append(args, "--"+f.Name+"="+f.Value.String()) })
	return append(args, "--root="+c.Root, "--address="+c.Address)
}

// configuration is the file, overridden by flags, and valid; notes say what
// of the file a server does not use.
func (o *options) configuration() (c config.Config, notes []string, err error) {
	c, err = config.Load(o.config.value)
	if errors.Is(err, fs.ErrNotExist) && o.config.given == 0 {
		c, err = config.Default(), nil
	}
	if err != nil {
		return config.Config{}, nil, err
	}
	file := c
	o.address.override(&c.Address)
	o.root.override(&c.Root)
	o.logLevel.override(&c.LogLevel)
	return c, o.notes(file), c.Validate()
}

// notes compare what the keeper holds with what the file says by now. A flag
// that the keeper was given itself is given to the server twice: then the file
// does not matter.
func (o *options) notes(file config.Config) (notes []string) {
	note := func(key, value string, held text) {
		notes = append(notes, fmt.Sprintf("%s in %s takes a restart, not a reload: %s is not used, %s is", key, o.config.value, value, held.value))
	}
	if o.root.given == 1 && !isDir(file.Root, o.root.value) {
		note("root", file.Root, o.root)
	}
	if o.address.given == 1 && file.Address != o.address.value {
		note("address", file.Address, o.address)
	}
	return notes
}

// isDir says whether path leads to a directory that is named without symbolic
// links.
func isDir(path, resolved string) bool {
	found, err := filepath.EvalSymlinks(path)
	return path == resolved || err == nil && found == resolved
}
