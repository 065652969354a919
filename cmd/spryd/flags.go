// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"

	"github.com/spryd/spry/config"
)

// options are the command line.
type options struct {
	set                  *flag.FlagSet
	config               string
	flags                config.Config // values given as flags
	printConfig, version bool
}

func parseFlags(args []string, stderr io.Writer) (*options, error) {
	o := &options{set: flag.NewFlagSet("spryd", flag.ContinueOnError)}
	o.set.SetOutput(stderr)
	o.set.StringVar(&o.config, "config", config.DefaultPath, "configuration `file`; it must exist if this is given")
	o.set.StringVar(&o.flags.Address, "address", config.DefaultAddress, "`socket` for containerd's proxy plugin")
	o.set.StringVar(&o.flags.Root, "root", config.DefaultRoot, "`directory` of all state")
	o.set.StringVar(&o.flags.LogLevel, "log-level", config.Default().LogLevel, "trace, debug, info, warn or error")
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

// configuration is the file, overridden by flags, and valid.
func (o *options) configuration() (config.Config, error) {
	given := map[string]bool{}
	o.set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	c, err := config.Load(o.config)
	if errors.Is(err, fs.ErrNotExist) && !given["config"] {
		c, err = config.Default(), nil
	}
	if err != nil {
		return config.Config{}, err
	}
	for name, values := range map[string][2]*string{
		"address":   {&c.Address, &o.flags.Address},
		"root":      {&c.Root, &o.flags.Root},
		"log-level": {&c.LogLevel, &o.flags.LogLevel},
	} {
		if given[name] {
			*values[0] = *values[1]
		}
	}
	return c, c.Validate()
}
