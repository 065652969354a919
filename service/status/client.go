// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package status

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// askTimeout is how long Get waits for a daemon.
const askTimeout = 10 * time.Second

// Get asks the daemon that serves its status at address; a unix socket's
// path or HOST:PORT.
func Get(ctx context.Context, address string) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	network, host := "tcp", address
	if strings.HasPrefix(address, "/") {
		network, host = "unix", "localhost"
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/v1/status", nil)
	if err != nil {
		return nil, fmt.Errorf("status of %s: %w", address, err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("status of %s: %w", address, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status of %s: %s", address, resp.Status)
	}
	r := new(Report)
	if err := json.NewDecoder(resp.Body).Decode(r); err != nil {
		return nil, fmt.Errorf("status of %s: %w", address, err)
	}
	return r, nil
}
