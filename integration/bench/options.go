// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spryd/spry/integration/testbed"
)

// options are the command line.
type options struct {
	runs        int
	mbit        float64
	rtt         time.Duration
	localWait   time.Duration
	plainWait   time.Duration
	idleWait    time.Duration
	parts       []string // of allParts
	built       []string // names of images to build
	images      []layoutImage
	proxies     []testbed.Snapshotter
	skip        []string // snapshotters to leave out
	onDemand    bool
	warm        string
	convertArgs []string
	json        string
	bin         string
	containerd  string
}

// layoutImage is an OCI layout to measure, with the command to run in it.
type layoutImage struct {
	name, dir string
	args      []string
}

var allParts = []string{"build", "cold", "warm", "fullread", "demand", "idle"}

// parseOptions reads the command line.
func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	f.IntVar(&o.runs, "runs", 3, "runs of each kind, interleaved; tables show medians")
	f.Float64Var(&o.mbit, "mbit", 1000, "bandwidth to the registry in Mbit/s")
	f.DurationVar(&o.rtt, "rtt", 5*time.Millisecond, "round-trip time to the registry")
	f.DurationVar(&o.localWait, "local-wait", 5*time.Minute, "how long the first run of each kind waits until everything is local; 0: no run waits")
	f.DurationVar(&o.plainWait, "plain-wait", 30*time.Second, "how long to wait, when everything is local, for new containers to need no FUSE")
	f.DurationVar(&o.idleWait, "idle-wait", 30*time.Second, "how long nothing may have crossed the line for a daemon to be idle")
	f.BoolVar(&o.onDemand, "on-demand", true, "measure Spry without background fetching too, as spry-ondemand")
	f.StringVar(&o.warm, "warm", "", "image of the work inside containers (default: the largest)")
	f.StringVar(&o.json, "json", "", "`file` to write every single measurement to")
	f.StringVar(&o.bin, "bin", "", "`folder` with spryd and spry (default: bin)")
	f.StringVar(&o.containerd, "containerd", "", "`folder` with containerd 2, its shim and ctr (default: what setup.sh made)")
	list(f, &o.parts, "parts", allParts, "what to do")
	list(f, &o.built, "images", imageNames(), "images to build and measure; with -image, those named here too")
	list(f, &o.skip, "skip", nil, "snapshotters to leave out, not overlayfs")
	f.Func("convert-args", "arguments for \"spry convert\", separated by spaces", func(s string) error {
		o.convertArgs = strings.Fields(s)
		return nil
	})
	f.Func("image", "`NAME=LAYOUT[=COMMAND]`: measure the image of an OCI layout, running COMMAND instead of its own; repeatable", func(s string) error {
		i, err := parseImage(s)
		o.images = append(o.images, i)
		return err
	})
	f.Func("snapshotter", "`NAME[:TAG]=COMMAND`: measure a proxy snapshotter; {sock} {root} {dir} {containerd} are replaced in COMMAND; repeatable", func(s string) error {
		p, err := testbed.ParseSnapshotter(s)
		o.proxies = append(o.proxies, p)
		return err
	})
	if err := f.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["image"] && !given["images"] {
		o.built = nil
	}
	return o, o.check(f.Args())
}

// list adds a flag whose value is a list separated by commas.
func list(f *flag.FlagSet, to *[]string, name string, all []string, usage string) {
	*to = all
	f.Func(name, usage+", separated by commas (default: "+strings.Join(all, ",")+")", func(s string) error {
		*to = strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
		return nil
	})
}

// parseImage reads NAME=LAYOUT[=COMMAND].
func parseImage(s string) (layoutImage, error) {
	f := strings.SplitN(s, "=", 3)
	if len(f) < 2 || f[0] == "" || f[1] == "" {
		return layoutImage{}, errors.New("want NAME=LAYOUT[=COMMAND]")
	}
	i := layoutImage{name: f[0], dir: f[1]}
	if len(f) == 3 {
		i.args = []string{"/bin/sh", "-c", f[2]}
	}
	return i, nil
}

// check finds what the flags themselves cannot see.
func (o options) check(rest []string) error {
	var err error
	if len(rest) > 0 {
		err = fmt.Errorf("unknown argument %q", rest[0])
	}
	if o.runs < 1 || o.mbit <= 0 || o.rtt < 0 {
		err = errors.Join(err, errors.New("runs and mbit must be positive"))
	}
	if contains(o.skip, testbed.Overlayfs.Name) {
		err = errors.Join(err, errors.New("overlayfs gives floor and oracle and cannot be left out"))
	}
	for _, p := range o.parts {
		if !slices.Contains(allParts, p) {
			err = errors.Join(err, fmt.Errorf("part %q: want some of %v", p, allParts))
		}
	}
	for _, name := range o.built {
		if !slices.Contains(imageNames(), name) {
			err = errors.Join(err, fmt.Errorf("image %q: want some of %v", name, imageNames()))
		}
	}
	return err
}

// does tells whether a part is wanted.
func (o options) does(part string) bool { return slices.Contains(o.parts, part) }
