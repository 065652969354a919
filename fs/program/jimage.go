// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"encoding/binary"
	"errors"
	"io"
	"path"
	"strings"
)

const (
	// jimageMagic begins the file of a Java platform's classes: a hash table of what
	// is in it, and that, as jdk.internal.jimage.ImageHeader has it.
	jimageMagic  = 0xcafedada
	jimageHeader = 7 * 4
	// jimageFactor is that of the hash of names, and what it begins with.
	jimageFactor = 0x01000193
	// maxLocation bounds the attributes of one name, in bytes.
	maxLocation = 64
)

// Attributes of what is in such a file, jdk.internal.jimage.ImageLocation.
const (
	jimageEnd        = 0
	jimageBase       = 3 // offset of a text: its name, without directory and extension
	jimageOffset     = 5
	jimageAttributes = 8
)

var errJimage = errors.New("not a file of Java classes")

// jimage is the file of a Java platform's classes.
type jimage struct {
	r     io.ReaderAt
	count int64 // names
	// locations, texts and content are where these begin.
	locations, texts, content int64
}

// openJimage reads the header.
func openJimage(r io.ReaderAt) (jimage, error) {
	var head [jimageHeader]byte
	if err := readFull(r, head[:], 0); err != nil {
		return jimage{}, err
	}
	word := func(i int) int64 { return int64(binary.LittleEndian.Uint32(head[4*i:])) }
	if word(0) != jimageMagic || word(4) == 0 {
		return jimage{}, errJimage
	}
	j := jimage{r: r, count: word(4), locations: jimageHeader + 2*4*word(4)}
	j.texts = j.locations + word(5)
	j.content = j.texts + word(6)
	return j, nil
}

// find is where a class begins, by the path that it has in the image of the
// platform: /java.base/java/lang/Object.class. Of that only the last name is
// compared.
func (j jimage) find(name string) (off int64, ok bool) {
	at := hashJimage(name, jimageFactor) % j.count
	redirect, ok := j.word(jimageHeader + 4*at)
	switch {
	case !ok || redirect == 0:
		return 0, false
	case redirect < 0:
		at = -1 - int64(redirect)
	default:
		at = hashJimage(name, uint32(redirect)) % j.count
	}
	location, ok := j.word(jimageHeader + 4*j.count + 4*at)
	if !ok {
		return 0, false
	}
	b := make([]byte, maxLocation)
	n, _ := j.r.ReadAt(b, j.locations+int64(uint32(location)))
	attributes, ok := jimageLocation(b[:n])
	if !ok {
		return 0, false
	}
	base, err := readString(j.r, uint64(j.texts+attributes[jimageBase]))
	return j.content + attributes[jimageOffset], err == nil && base == strings.TrimSuffix(path.Base(name), ".class")
}

// word reads a number of the tables.
func (j jimage) word(off int64) (v int32, ok bool) {
	var b [4]byte
	n, _ := j.r.ReadAt(b[:], max(off, 0))
	return int32(binary.LittleEndian.Uint32(b[:])), n == len(b)
}

// jimageLocation reads attributes: each has its kind in the upper bits of a byte,
// and how many bytes follow, less one, in the lower. What is not there is 0.
func jimageLocation(b []byte) (a [jimageAttributes]int64, ok bool) {
	for len(b) > 0 && b[0]>>3 != jimageEnd {
		kind, n := b[0]>>3, int(b[0]&7)+1
		if n >= len(b) || kind >= jimageAttributes {
			return a, false
		}
		v := uint64(0)
		for _, c := range b[1 : 1+n] {
			v = v<<8 | uint64(c)
		}
		a[kind] = int64(min(v, 1<<40))
		b = b[1+n:]
	}
	return a, len(b) > 0
}

func hashJimage(name string, seed uint32) int64 {
	for i := range len(name) {
		seed = seed*jimageFactor ^ uint32(name[i])
	}
	return int64(seed & 0x7fffffff)
}
