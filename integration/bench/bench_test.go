// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/integration/bench/oracle"
	"github.com/spryd/spry/integration/testbed"
)

func TestParseImage(t *testing.T) {
	for _, c := range []struct {
		text string
		want layoutImage
	}{
		{"app=/out/app", layoutImage{name: "app", dir: "/out/app"}},
		{"app=/out/app=a=1 run me", layoutImage{name: "app", dir: "/out/app", args: []string{"/bin/sh", "-c", "a=1 run me"}}},
	} {
		got, err := parseImage(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(layoutImage{})); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
	for _, text := range []string{"", "app", "app=", "=dir"} {
		if _, err := parseImage(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestParseOptions(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		built  []string
		parts  []string
		images int
	}{
		{"none", nil, imageNames(), allParts, 0},
		{"lists", []string{"-images", "nginx", "-parts", "cold,warm"}, []string{"nginx"}, []string{"cold", "warm"}, 0},
		{"only a layout", []string{"-image", "a=/a", "-image", "b=/b"}, nil, allParts, 2},
		{"layout and built", []string{"-image", "a=/a", "-images", "nginx"}, []string{"nginx"}, allParts, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseOptions(c.args)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]string{c.built, c.parts}, [][]string{o.built, o.parts}); diff != "" {
				t.Error(diff)
			}
			if len(o.images) != c.images {
				t.Errorf("%d layouts", len(o.images))
			}
		})
	}
	for _, args := range [][]string{{"-runs", "0"}, {"-mbit", "0"}, {"-rtt", "-1s"}, {"-parts", "hot"}, {"-images", "windows"}, {"stray"}, {"-skip", "overlayfs"}} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestArrival(t *testing.T) {
	at := func(steps map[time.Duration]int64) func() int64 {
		begin := time.Now()
		return func() (n int64) {
			for d, v := range steps {
				if time.Since(begin) >= d {
					n = max(n, v)
				}
			}
			return n
		}
	}
	for _, c := range []struct {
		name  string
		steps map[time.Duration]int64
		want  time.Duration // 0: never
		bytes int64
	}{
		{"all at once", map[time.Duration]int64{0: 1000}, 0, 1000},
		{"in steps", map[time.Duration]int64{time.Second: 500, 8 * time.Second: 1000, 9 * time.Second: 1010}, 9 * time.Second, 1010},
		{"a pause before the end is not the end", map[time.Duration]int64{time.Second: 900, 30 * time.Second: 990}, 30 * time.Second, 990},
		{"never all", map[time.Duration]int64{time.Second: 900}, 0, 900},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				when, n := arrival{bytes: at(c.steps), want: 1000, timeout: time.Minute}.wait(t.Context())
				if n != c.bytes {
					t.Errorf("%d bytes, want %d", n, c.bytes)
				}
				switch {
				case c.name == "all at once":
					if when.IsZero() || when.Sub(begin) > 100*time.Millisecond {
						t.Errorf("local at %v", when.Sub(begin))
					}
				case c.want == 0:
					if !when.IsZero() {
						t.Errorf("local after %v", when.Sub(begin))
					}
				default:
					if d := when.Sub(begin) - c.want; d < 0 || d > 100*time.Millisecond {
						t.Errorf("local after %v, want %v", when.Sub(begin), c.want)
					}
				}
			})
		})
	}
}

func TestDataFiles(t *testing.T) {
	for _, d := range dataFiles {
		var a, b count
		for _, w := range []io.Writer{&a, &b} {
			if err := d.fill(w, 3<<20+1); err != nil {
				t.Fatal(err)
			}
		}
		if a.n != 3<<20+1 || a != b {
			t.Errorf("%s: wrote %+v and %+v", d.name, a, b)
		}
	}
}

// count counts and sums up bytes.
type count struct{ n, sum int }

func (c *count) Write(p []byte) (int, error) {
	for _, x := range p {
		c.sum = c.sum*31 + int(x)
	}
	c.n += len(p)
	return len(p), nil
}

func TestChores(t *testing.T) {
	if n, m := len(chores("", 0)), len(chores("/f", 1000)); n == 0 || m <= n {
		t.Errorf("%d chores without a file, %d with one", n, m)
	}
	for _, c := range chores("/f", 1000) {
		if c.name == "" || c.unit == "" || c.per <= 0 || c.cold == c.task.Warm {
			t.Errorf("chore %+v", c)
		}
	}
}

func TestSnapshotters(t *testing.T) {
	names := func(args ...string) []string {
		o, err := parseOptions(args)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range (&bed{o: o, spryd: "/bin/spryd"}).snapshotters() {
			out = append(out, s.Name+":"+s.Tag)
		}
		return out
	}
	for _, c := range []struct{ args, want []string }{
		{nil, []string{"overlayfs:latest", "spry:soci", "spry-ondemand:soci"}},
		{[]string{"-on-demand=false"}, []string{"overlayfs:latest", "spry:soci"}},
		{[]string{"-skip", "spry,spry-ondemand", "-snapshotter", "peer:v1=x"}, []string{"overlayfs:latest", "peer:v1"}},
	} {
		if diff := cmp.Diff(c.want, names(c.args...)); diff != "" {
			t.Errorf("%q: %s", c.args, diff)
		}
	}
}

func TestPickWarm(t *testing.T) {
	sized := func(name string, size int64) *subject {
		return &subject{name: name, img: testbed.Image{Layers: []testbed.Layer{{Descriptor: ocispec.Descriptor{Size: size}}}}}
	}
	all := []*subject{sized("a", 1), sized("b", 3), sized("c", 2)}
	if got := pickWarm(all, ""); got.name != "b" {
		t.Errorf("the largest is %s", got.name)
	}
	if got := pickWarm(all, "c"); got.name != "c" {
		t.Errorf("c is %s", got.name)
	}
	if got := pickWarm(all, "d"); got != nil {
		t.Errorf("d is %s", got.name)
	}
	if got := pickWarm(nil, ""); got != nil {
		t.Errorf("there is %s", got.name)
	}
}

func TestTouchedNeedsAllLayers(t *testing.T) {
	s := &subject{name: "x"}
	if n, err := s.touched([]string{"/a"}); n != 0 || err != nil {
		t.Errorf("without an oracle: %d, %v", n, err)
	}
	s.layers = make([]*oracle.Layer, 2)
	if _, err := s.touched([]string{"/a"}); err == nil {
		t.Error("one directory for two layers is accepted")
	}
}
