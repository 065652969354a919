// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Command demo shows Spry's main job with numbers: a real image of Debian
// packages in a local registry behind a line of 1 Gbit/s and 5 ms, its index
// made by "spry convert", and a container that starts lazily, against the
// same container after containerd's full pull.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spryd/spry/integration/testbed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var d demo
	flag.IntVar(&d.runs, "runs", 3, "cold starts of each kind, interleaved; the table shows medians")
	flag.Float64Var(&d.mbit, "mbit", 1000, "bandwidth to the registry in Mbit/s")
	flag.DurationVar(&d.rtt, "rtt", 5*time.Millisecond, "round-trip time to the registry")
	flag.Parse()
	d.out = os.Stdout
	if err := d.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

type demo struct {
	runs int
	mbit float64
	rtt  time.Duration
	out  io.Writer

	tools testbed.Tools
	link  *testbed.Shaper
	dir   string
}

// science is a Python with numpy, scipy and pandas.
var science = testbed.DebianSpec{
	Name: "science",
	Steps: []string{
		testbed.Apt("python3"),
		testbed.Apt("python3-pandas", "python3-scipy"),
		"mkdir -p /app && printf 'import numpy, scipy, pandas\nprint(\"READY\", pandas.DataFrame({\"a\": numpy.arange(3)}).a.sum())\n' > /app/main.py",
	},
	Cmd: []string{"python3", "/app/main.py"},
}

func (d *demo) run(ctx context.Context) (err error) {
	if d.tools, err = testbed.FindTools(); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "spry-demo"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	d.say("building a real image (Debian, Python, numpy, scipy, pandas) from packages; the first time takes a few minutes")
	img, err := testbed.DebianImage(ctx, d.tools.Cache, science)
	if err != nil {
		return err
	}
	reg, err := testbed.StartDockerRegistry(ctx, filepath.Join(d.dir, "registry"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reg.Stop()) }()
	if d.link, err = testbed.NewShaper(reg.Host, d.mbit, d.rtt); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.link.Close()) }()
	if _, err := img.Push(ctx, reg.Host+"/science:latest"); err != nil {
		return err
	}
	d.say("pushed science:latest: %d layers, %.0f MB compressed", len(img.Layers), float64(img.CompressedSize())/1e6)
	if err := d.convert(ctx, reg.Host); err != nil {
		return err
	}
	return d.compare(ctx)
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "demo: "+format+"\n", args...)
}

// convert makes the index the way CI would.
func (d *demo) convert(ctx context.Context, host string) error {
	spry, err := d.tools.Binary("spry")
	if err != nil {
		return err
	}
	args := []string{"convert", "--plain-http", "docker://" + host + "/science:latest", "docker://" + host + "/science:soci"}
	d.say("spry %s %s %s %s", args[0], args[1], args[2], args[3])
	start := time.Now()
	cmd := exec.CommandContext(ctx, spry, args...)
	cmd.Stdout, cmd.Stderr = d.out, d.out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("spry convert: %w", err)
	}
	d.say("index made and pushed in %.1f s", time.Since(start).Seconds())
	return nil
}

// compare measures both kinds of start, interleaved, and prints the medians.
func (d *demo) compare(ctx context.Context) error {
	bin, err := d.tools.Containerd("2")
	if err != nil {
		return err
	}
	spryd, err := d.tools.Binary("spryd")
	if err != nil {
		return err
	}
	kinds := []struct {
		name   string
		kind   testbed.Snapshotter
		starts []testbed.ColdStart
	}{{name: "overlayfs (full pull)", kind: testbed.Overlayfs}, {name: "spry (lazy)", kind: testbed.SprySnapshotter(spryd)}}
	for i := range d.runs {
		for k := range kinds {
			o := testbed.ColdStartOptions{
				Dir: filepath.Join(d.dir, fmt.Sprintf("%d%d", i, k)), Containerd: bin, Snapshotter: kinds[k].kind,
				Ref: d.link.Host + "/science:" + kinds[k].kind.Tag, Link: d.link,
			}
			c, err := testbed.MeasureColdStart(ctx, o)
			if err != nil {
				return fmt.Errorf("%s: %w", kinds[k].name, err)
			}
			d.say("%-22s READY after %.2f s", kinds[k].name, c.Total().Seconds())
			kinds[k].starts = append(kinds[k].starts, c)
			if err := os.RemoveAll(o.Dir); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(d.out, "\ncold start of science, %.0f Mbit/s, round trip %v, medians of %d\n\n", d.mbit, d.rtt, d.runs)
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "snapshotter\tlazy layers\tpull s\trun s\tto READY s\tMB at READY\t")
	for _, k := range kinds {
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%.2f\t%.2f\t%.1f\t\n", k.name, k.starts[0].Lazy,
			median(k.starts, func(c testbed.ColdStart) float64 { return c.Pull.Seconds() }),
			median(k.starts, func(c testbed.ColdStart) float64 { return c.Run.Seconds() }),
			median(k.starts, func(c testbed.ColdStart) float64 { return c.Total().Seconds() }),
			median(k.starts, func(c testbed.ColdStart) float64 { return float64(c.Bytes) / 1e6 }))
	}
	return w.Flush()
}

func median(starts []testbed.ColdStart, value func(testbed.ColdStart) float64) float64 {
	var v []float64
	for _, c := range starts {
		v = append(v, value(c))
	}
	slices.Sort(v)
	return v[len(v)/2]
}
