// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package ztocfile shows what is in a ztoc and reads files of a layer by it.
package ztocfile

import (
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// Info is a ztoc as people look at it. The JSON is that of other tools.
type Info struct {
	Version   string `json:"version"`
	BuildTool string `json:"build_tool"`
	// Size is of the ztoc in bytes, SpanSize what was asked for.
	Size           int64  `json:"size"`
	SpanSize       int64  `json:"span_size"`
	Spans          int    `json:"num_spans"`
	Files          int    `json:"num_files"`
	MultiSpanFiles int    `json:"num_multi_span_files"`
	Entries        []File `json:"files"`
}

// File is one entry of the table.
type File struct {
	Name   string `json:"filename"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
	Type   string `json:"type"`
	// StartSpan and EndSpan are span ids, both inclusive. EndSpan is of the
	// byte behind the file, as other tools count.
	StartSpan int32 `json:"start_span"`
	EndSpan   int32 `json:"end_span"`
}

// Describe tells what is in z, a ztoc of size bytes.
func Describe(z *ztoc.Ztoc, size int64) Info {
	info := Info{
		Version: z.Version, BuildTool: z.BuildTool, Size: size, SpanSize: z.SpanSize,
		Spans: int(z.MaxSpanID) + 1, Files: len(z.Entries),
	}
	for i := range z.Entries {
		e := &z.Entries[i]
		f := File{
			Name: e.Name, Offset: int64(e.Offset), Size: e.Size, Type: typeName(e.Type),
			StartSpan: spanAt(z, e.Offset), EndSpan: spanAt(z, e.Offset+span.UncompressedOffset(e.Size)),
		}
		if f.StartSpan != f.EndSpan {
			info.MultiSpanFiles++
		}
		info.Entries = append(info.Entries, f)
	}
	return info
}

// spanAt is the span of an offset. It works also for ztocs whose spans do not
// fit together: one looks at those most of all.
func spanAt(z *ztoc.Ztoc, off span.UncompressedOffset) int32 {
	if z.Compression == ztoc.Uncompressed {
		if z.SpanSize <= 0 {
			return 0
		}
		return int32(min(int64(off)/z.SpanSize, int64(z.MaxSpanID)))
	}
	at := int32(0)
	for i, c := range z.Checkpoints {
		if c.Out <= off {
			at = int32(i)
		}
	}
	return at
}

var typeNames = map[toc.Type]string{
	toc.Regular: "reg", toc.Directory: "dir", toc.Symlink: "symlink", toc.Hardlink: "hardlink",
	toc.CharDevice: "char", toc.BlockDevice: "block", toc.FIFO: "fifo",
}

func typeName(t toc.Type) string { return typeNames[t] }
