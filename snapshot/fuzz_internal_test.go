// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/containerd/containerd/v2/core/snapshots"

	"github.com/spryd/spry/index"
)

// FuzzLabels reads labels as anybody who may push an image can set them.
func FuzzLabels(f *testing.F) {
	const d = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	f.Add("localhost/a:latest", d, d, "", "17", d+","+d, "1,2", "parent")
	f.Add("", "", "", d, "-1", ",,,", "9223372036854775808,,,", "")
	f.Add("a\x00b", "sha256:../../../etc", "md5:00", "sha512:", "1e9", d, "", "\n")
	f.Fuzz(func(t *testing.T, image, manifest, layer, ix, size, layers, sizes, parent string) {
		labels := map[string]string{
			index.LabelTarget: "sha256:chain", index.LabelImage: image, index.LabelManifest: manifest, index.LabelLayer: layer,
			index.LabelIndex: ix, index.LabelLayerSize: size, index.LabelImageLayers: layers, index.LabelImageLayerSizes: sizes,
			labelParentChain: parent, index.LabelLazyLayer: layer, index.LabelReason: ix, labelStaged: "true",
		}
		info, err := labelsOf([]snapshots.Opt{snapshots.WithLabels(labels)})
		if err != nil {
			t.Fatal(err)
		}
		for k := range info.Labels {
			if isOwn(k) {
				t.Errorf("label %s of a request is kept", k)
			}
		}
		got, err := parseTarget(info.Labels, "")
		if err != nil {
			if s := shorten(err.Error()); len(s) > maxReason || !utf8.ValidString(s) {
				t.Errorf("reason of %d bytes: %q", len(s), s)
			}
			return
		}
		// What becomes a file name or a part of a URL is a digest.
		for _, d := range []string{got.ref.Layer.String(), got.ref.Manifest.String()} {
			if strings.ContainsAny(d, "/.\x00") || got.ref.Layer.Validate() != nil || got.ref.Manifest.Validate() != nil {
				t.Errorf("accepted digest %q", d)
			}
		}
		if got.ref.Size < 0 || got.ref.Index != "" && got.ref.Index.Validate() != nil {
			t.Errorf("accepted size %d, index %q", got.ref.Size, got.ref.Index)
		}
	})
}
