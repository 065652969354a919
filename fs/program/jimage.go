// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
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
	var head struct{ Magic, Version, Flags, Resources, Count, Locations, Texts uint32 }
	if err := readStruct(r, 0, &head); err != nil {
		return jimage{}, err
	}
	if head.Magic != jimageMagic || head.Count == 0 {
		return jimage{}, errJimage
	}
	j := jimage{r: r, count: int64(head.Count)}
	j.locations = jimageHeader + 2*4*j.count
	j.texts = j.locations + int64(head.Locations)
	j.content = j.texts + int64(head.Texts)
	return j, nil
}

// find is where a class begins, by the path that it has in the image of the
// platform: /java.base/java/lang/Object.class. Of that only the last name is
// compared.
func (j jimage) find(name string) (off int64, ok bool) {
	at := hashJimage(name, jimageFactor) % j.count
	var redirect int32
	var location uint32
	switch err := readStruct(j.r, uint64(jimageHeader+4*at), &redirect); {
	case err != nil || redirect == 0:
		return 0, false
	case redirect < 0:
		at = -1 - int64(redirect)
	default:
		at = hashJimage(name, uint32(redirect)) % j.count
	}
	if readStruct(j.r, uint64(jimageHeader+4*j.count+4*at), &location) != nil {
		return 0, false
	}
	b := make([]byte, maxLocation)
	n, _ := j.r.ReadAt(b, j.locations+int64(location))
	attributes, ok := jimageLocation(b[:n])
	if !ok {
		return 0, false
	}
	base, err := readString(j.r, uint64(j.texts+attributes[jimageBase]))
	return j.content + attributes[jimageOffset], err == nil && base == strings.TrimSuffix(path.Base(name), ".class")
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
