// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"bytes"
	"encoding/binary"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/spryd/spry/fs/remote/remotetest"
)

// jimageOf makes a file of Java classes that lie at these offsets, 0 for none.
func jimageOf(names []string, offsets []uint32) []byte {
	count := uint32(len(names))
	buckets := make([][]int, count)
	for i, name := range names {
		at := hashJimage(name, jimageFactor) % int64(count)
		buckets[at] = append(buckets[at], i)
	}
	redirect, slots, used := make([]int32, count), make([]uint32, count), make([]bool, count)
	var locations []byte
	texts := []byte("\x00")
	put := func(slot int64, i int) {
		used[slot], slots[slot] = true, uint32(len(locations))
		locations = append(locations, 1<<3, 7) // its module, which is not looked at
		locations = binary.BigEndian.AppendUint16(append(locations, jimageBase<<3|1), uint16(len(texts)))
		texts = append(texts, strings.TrimSuffix(path.Base(names[i]), ".class")+"\x00"...)
		if offsets[i] > 0 {
			locations = binary.BigEndian.AppendUint32(append(locations, jimageOffset<<3|3), offsets[i])
		}
		locations = append(locations, jimageEnd)
	}
	order := make([]int, count)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(buckets[b]) - len(buckets[a]) })
	for _, bucket := range order {
		switch list := buckets[bucket]; {
		case len(list) == 1:
			free := slices.Index(used, false)
			redirect[bucket] = int32(-1 - free)
			put(int64(free), list[0])
		case len(list) > 1:
		seeds:
			for seed := int32(1); ; seed++ {
				taken := make(map[int64]bool)
				for _, i := range list {
					at := hashJimage(names[i], uint32(seed)) % int64(count)
					if used[at] || taken[at] {
						continue seeds
					}
					taken[at] = true
				}
				redirect[bucket] = seed
				for _, i := range list {
					put(hashJimage(names[i], uint32(seed))%int64(count), i)
				}
				break
			}
		}
	}
	var b bytes.Buffer
	for _, v := range []any{[]uint32{jimageMagic, 1 << 16, 0, count, count, uint32(len(locations)), uint32(len(texts))}, redirect, slots, locations, texts} {
		_ = binary.Write(&b, binary.LittleEndian, v) // cannot fail
	}
	return b.Bytes()
}

func TestJimage(t *testing.T) {
	var names []string
	var offsets []uint32
	for i := range 100 {
		names, offsets = append(names, "/m/p/Class"+string(rune('A'+i%26))+string(rune('a'+i/26))+".class"), append(offsets, uint32(1000*i))
	}
	b := jimageOf(names, offsets)
	j, err := openJimage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if off, ok := j.find(name); !ok || off != int64(len(b))+int64(offsets[i]) {
			t.Errorf("%s: %d, %v, want %d", name, off, ok, len(b)+int(offsets[i]))
		}
	}
	for name, bad := range map[string][]byte{"empty": nil, "cut": b[:20], "another file": []byte("PK\x03\x04 and much more than the header has"), "no table": make([]byte, 100)} {
		if _, err := openJimage(bytes.NewReader(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for n := range 40 {
		cut := j
		cut.r = bytes.NewReader(b[:len(b)*n/40])
		for _, name := range append(names, "/m/p/Missing.class", "") {
			if off, ok := cut.find(name); ok && (off < int64(len(b)) || name == "") {
				t.Errorf("%q at %d of a file that is cut", name, off)
			}
		}
	}
	if off, ok := j.find("/m/p/Missing.class"); ok {
		t.Errorf("found what is not there at %d", off)
	}
}

// TestJavaServer: with the libraries of a server come the classes of the platform
// that it uses and small programs do not.
func TestJavaServer(t *testing.T) {
	const modules = "usr/lib/jvm/java-17/lib/" + jvmModules
	for _, c := range []struct {
		name   string
		jars   []remotetest.File
		server bool
	}{
		{"a program", []remotetest.File{{Name: "app/a.jar", Body: zipLocal + "com/example/Main.class"}}, false},
		{"a library of a server", []remotetest.File{{Name: "app/a.jar", Body: zipLocal}, {Name: "app/tomcat-juli.jar", Body: zipLocal}}, true},
		{"a server in one file", []remotetest.File{{Name: "app/a.jar", Body: zipLocal + strings.Repeat("x", 2*maxListing) + "org/springframework/boot/loader/"}}, true},
		{"what only its content names", []remotetest.File{{Name: "app/a.jar", Body: zipLocal + "org/springframework/" + strings.Repeat("x", maxListing)}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			near, far := uint32(1<<20), uint32(jvmBase+2<<20)
			platform := jimageOf(jvmClasses[:3], []uint32{near, far, math.MaxUint32})
			begins := int64(len(platform))
			platform = append(platform, make([]byte, far+around)...)
			l := newLayer(t, append(c.jars, remotetest.File{Name: modules, Body: string(platform)})...)
			Start(t.Context(), Image{l}, command(t, `{"config":{"Cmd":["/app/a.jar"]}}`))
			var want []part
			if c.server {
				want = []part{{jvmBoot, jvmBase - jvmBoot}, {begins + int64(far) - around, 2 * around}}
			}
			got := slices.DeleteFunc(l.parts[modules], func(p part) bool { return p.off < int64(near) }) // its tables
			slices.SortFunc(got, func(a, b part) int { return int(a.off - b.off) })
			if !slices.Equal(got, want) {
				t.Errorf("fetched %v, want %v", got, want)
			}
		})
	}
}

// FuzzJimage: files of an image are whatever somebody put there.
func FuzzJimage(f *testing.F) {
	f.Add(jimageOf([]string{"/a/b/C.class", "/a/b/D.class"}, []uint32{0, 70000}), "/a/b/C.class")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		j, err := openJimage(bytes.NewReader(b))
		if err != nil {
			return
		}
		if off, ok := j.find(name); ok && off < 0 {
			t.Errorf("class at %d", off)
		}
	})
}
