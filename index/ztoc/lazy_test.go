// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

func TestCheckLazy(t *testing.T) {
	tests := map[string]struct {
		change func(z *ztoc.Ztoc)
		want   error
		says   string
	}{
		"sample":         {func(*ztoc.Ztoc) {}, nil, ""},
		"no entries":     {func(z *ztoc.Ztoc) { z.Entries = nil }, nil, ""},
		"hardlink size":  {func(z *ztoc.Ztoc) { entry(z, 2).Size = 1000 }, nil, ""},
		"symlink size":   {func(z *ztoc.Ztoc) { entry(z, 3).Size = 1 << 40 }, nil, ""},
		"directory size": {func(z *ztoc.Ztoc) { entry(z, 0).Size = 4096 }, nil, ""},
		"to the end":     {func(z *ztoc.Ztoc) { entry(z, 8).Size = 200<<10 - 6144 }, nil, ""},
		"sparse": {func(z *ztoc.Ztoc) {
			entry(z, 7).PAX = []toc.Record{{Key: "GNU.sparse.major", Value: "1"}}
		}, ztoc.ErrUnsupported, "sparse"},
		"overlap":           {func(z *ztoc.Ztoc) { entry(z, 1).Size = 1025 }, ztoc.ErrInvalid, "./b"},
		"no room":           {func(z *ztoc.Ztoc) { entry(z, 2).Offset = 2560 }, ztoc.ErrInvalid, "./b"},
		"backwards":         {func(z *ztoc.Ztoc) { entry(z, 5).Offset = 512 }, ztoc.ErrInvalid, "./e"},
		"at 0":              {func(z *ztoc.Ztoc) { entry(z, 0).Offset = 0 }, ztoc.ErrInvalid, "./"},
		"not aligned":       {func(z *ztoc.Ztoc) { entry(z, 8).Offset = 6145 }, ztoc.ErrInvalid, "./h"},
		"negative offset":   {func(z *ztoc.Ztoc) { entry(z, 8).Offset = -512 }, ztoc.ErrInvalid, "./h"},
		"negative size":     {func(z *ztoc.Ztoc) { entry(z, 8).Size = -1 }, ztoc.ErrInvalid, "./h"},
		"past the end":      {func(z *ztoc.Ztoc) { entry(z, 8).Size = 200<<10 - 6143 }, ztoc.ErrInvalid, "./h"},
		"starts past":       {func(z *ztoc.Ztoc) { entry(z, 8).Offset = 201 << 10 }, ztoc.ErrInvalid, "./h"},
		"overflow":          {func(z *ztoc.Ztoc) { entry(z, 8).Size = 1<<63 - 1 }, ztoc.ErrInvalid, "./h"},
		"archive too large": {func(z *ztoc.Ztoc) { z.UncompressedSize = 1<<63 - 1 }, ztoc.ErrInvalid, "sizes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			z := sample()
			test.change(z)
			err := z.CheckLazy()
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %q, which does not say %q", err, test.says)
			}
		})
	}
}

func TestCheckPrefix(t *testing.T) {
	plain := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
	flags := func(f byte) string { return plain[:3] + string([]byte{f}) + plain[4:] }
	all := flags(0x1e) + "\x02\x00ex" + "name\x00" + "comment\x00" + "cc"
	tests := map[string]struct {
		prefix  string
		v1, bad bool
	}{
		"plain":            {prefix: plain},
		"plain, v1":        {prefix: plain, v1: true},
		"empty blocks":     {prefix: plain + "\x00\x00\x00\xff\xff"},
		"name":             {prefix: flags(0x08) + "name\x00"},
		"name, v1":         {prefix: flags(0x08) + "name\x00", v1: true, bad: true},
		"name, v1, cut":    {prefix: flags(0x08), v1: true, bad: true},
		"all fields":       {prefix: all},
		"nothing":          {prefix: "", bad: true},
		"short":            {prefix: plain[:9], bad: true},
		"not gzip":         {prefix: "\x1f\x8c" + plain[2:], bad: true},
		"other method":     {prefix: "\x1f\x8b\x07" + plain[3:], bad: true},
		"endless name":     {prefix: flags(0x08) + "name", bad: true},
		"extra cut":        {prefix: flags(0x04) + "\x09\x00ex", bad: true},
		"extra length cut": {prefix: flags(0x04) + "\x09", bad: true},
		"checksum cut":     {prefix: all[:len(all)-1], bad: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			z := sample()
			if test.v1 {
				z.BlobVersion = 1
			}
			err := z.CheckPrefix([]byte(test.prefix))
			if (err != nil) != test.bad || (err != nil && !errors.Is(err, ztoc.ErrInvalid)) {
				t.Errorf("got %v, want an error: %t", err, test.bad)
			}
		})
	}
	if err := samplePlain().CheckPrefix(nil); err != nil {
		t.Errorf("plain tar: %v", err)
	}
}
