// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	kflate "github.com/klauspost/compress/flate"
	kgzip "github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/inflate"
)

// raceData is where BenchmarkRace finds layers: gzip files in the folder of the
// variable. Without it, text, machine code and noise are all it has.
const raceData = "SPRY_BENCH_LAYERS"

// raceSize is how many bytes of a layer take part.
const raceSize = 32 << 20

// racers are the inputs of BenchmarkRace.
func racers(b *testing.B) []plain {
	dir := os.Getenv(raceData)
	if dir == "" {
		noise := make([]byte, 4<<20)
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		return append(benchData(), plain{"noise", noise})
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		b.Fatalf("no files in %s: %v", dir, err)
	}
	var all []plain
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		if zr, err := gzip.NewReader(f); err == nil {
			p, _ := io.ReadAll(io.LimitReader(zr, 4*raceSize))
			if len(p) > raceSize { // not the directories at the start
				all = append(all, plain{filepath.Base(name)[:8], p[len(p)-raceSize:]})
			}
		}
		_ = f.Close()
	}
	return all
}

// gzipper is an encoder that layers come from.
type gzipper struct {
	name   string
	encode func(p []byte) ([]byte, error)
}

// program runs a filter.
func program(name string, args ...string) func(p []byte) ([]byte, error) {
	return func(p []byte) ([]byte, error) {
		cmd := exec.Command(name, args...)
		cmd.Stdin = bytes.NewReader(p)
		return cmd.Output()
	}
}

// zlibFixed compresses with the fixed code only.
const zlibFixed = "import sys,zlib;c=zlib.compressobj(6,8,31,9,4);sys.stdout.buffer.write(c.compress(sys.stdin.buffer.read())+c.flush())"

func gzippers() []gzipper {
	return []gzipper{
		{"gzip-1", program("gzip", "-1")},
		{"gzip-6", program("gzip", "-6")},
		{"gzip-9", program("gzip", "-9")},
		{"pigz", program("pigz", "-p", "2")},
		{"go", func(p []byte) ([]byte, error) { return gzipped(p, 6, gzip.Header{}), nil }},
		{"klauspost", func(p []byte) ([]byte, error) {
			var b bytes.Buffer
			w := kgzip.NewWriter(&b)
			_, err := w.Write(p)
			if err == nil {
				err = w.Close()
			}
			return b.Bytes(), err
		}},
		{"fixed", program("python3", "-c", zlibFixed)},
		{"stored", func(p []byte) ([]byte, error) { return gzipped(p, 0, gzip.Header{}), nil }},
	}
}

// BenchmarkRace decodes the same streams with this package, two others and
// zlib, in turns. It reports MB/s in the best round of each, and how many times
// faster this package is, as the median over the rounds: what disturbs a round
// disturbs all. Times are those of the thread on its processor.
func BenchmarkRace(b *testing.B) {
	for _, p := range racers(b) {
		for _, g := range gzippers() {
			b.Run(fmt.Sprintf("%s/%s", p.name, g.name), func(b *testing.B) {
				blob, err := g.encode(p.data)
				if err != nil {
					b.Skip(err)
				}
				race(b, blob[headerLength(blob):], len(p.data))
			})
		}
	}
}

// BenchmarkLayers is BenchmarkRace with layers as they are, from their
// beginning.
func BenchmarkLayers(b *testing.B) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv(raceData), "*"))
	if os.Getenv(raceData) == "" || len(files) == 0 {
		b.Skip("no files in " + raceData)
	}
	for _, name := range files {
		blob, err := os.ReadFile(name)
		if err != nil || !bytes.HasPrefix(blob, []byte{0x1f, 0x8b}) {
			continue
		}
		b.Run(filepath.Base(name)[:min(8, len(filepath.Base(name)))], func(b *testing.B) {
			counted := &prefix{most: 4 * raceSize}
			if _, err := inflate.Walk(bytes.NewReader(blob), counted); err != nil && !errors.Is(err, errEnough) {
				b.Fatal(err)
			}
			race(b, blob[headerLength(blob):], min(counted.size, counted.most))
		})
	}
}

// prefix counts the output of a first member, up to a limit.
type prefix struct {
	discard
	size, most int
}

var errEnough = errors.New("enough")

// Output implements [inflate.Sink].
func (p *prefix) Output(b []byte) error {
	if p.size += len(b); p.size >= p.most {
		return errEnough
	}
	return nil
}

// lane is a decoder in a race.
type lane struct {
	name   string
	decode func() (time.Duration, error)
	took   []time.Duration
}

// race decodes a raw stream to n bytes.
func race(b *testing.B, raw []byte, n int) {
	buf := make([]byte, inflate.BufferSize(n))
	kr, sr := kflate.NewReader(nil), flate.NewReader(nil)
	lanes := []*lane{
		{name: "spry", decode: timed(func() error {
			_, err := inflate.DecodeAt(buf, inflate.PadInput(raw), 0, nil, n)
			return err
		})},
		{name: "klauspost", decode: timed(func() error { return readAll(kr, raw, buf[:n]) })},
		{name: "std", decode: timed(func() error { return readAll(sr, raw, buf[:n]) })},
	}
	if z, err := newZlib(b, raw, n); err == nil {
		lanes = append(lanes, &lane{name: "zlib", decode: z.decode})
	} else {
		b.Log("without zlib:", err)
	}
	for b.Loop() {
		for _, l := range lanes {
			took, err := l.decode()
			if err != nil {
				b.Fatalf("%s: %v", l.name, err)
			}
			l.took = append(l.took, took)
		}
	}
	for i, l := range lanes {
		b.ReportMetric(float64(n)/1e6/slices.Min(l.took).Seconds(), l.name+"-MB/s")
		if i > 0 {
			b.ReportMetric(medianRatio(l.took, lanes[0].took), "x-"+l.name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// timed is f with the time that its thread took on a processor.
func timed(f func() error) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		start := threadTime()
		err := f()
		return threadTime() - start, err
	}
}

func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// medianRatio is the median of a/b over the rounds.
func medianRatio(a, b []time.Duration) float64 {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = float64(a[i]) / float64(b[i])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// readAll fills p from a raw stream. The reader is one of package flate.
func readAll(r io.ReadCloser, raw, p []byte) error {
	if err := r.(flate.Resetter).Reset(bytes.NewReader(raw), nil); err != nil {
		return err
	}
	_, err := io.ReadFull(r, p)
	return err
}
