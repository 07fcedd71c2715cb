package supervisor

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"trimtab.dev/localfleet/internal/config"
)

// status answers GET /status.
type status struct {
	PID       int             `json:"pid"`
	Ready     bool            `json:"ready"`
	Clusters  []clusterStatus `json:"clusters"`
	Processes map[string]int  `json:"processes"`
}

type clusterStatus struct {
	Index       int    `json:"index"`
	Server      string `json:"server"`
	Phase       string `json:"phase"`
	Separate    bool   `json:"separate"`
	Controllers bool   `json:"controllers"`
}

// serveControl opens the control endpoint and returns its address. Anyone on the machine can reach it, so
// that each request must carry the token that only readers of the private configuration know.
func (s *Supervisor) serveControl() (string, error) {
	listener, err := config.Listen()
	if err != nil {
		return "", err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, s.status())
	})
	mux.HandleFunc("POST /clusters/{index}/kill", func(w http.ResponseWriter, r *http.Request) {
		s.operate(w, r, s.killCluster)
	})
	mux.HandleFunc("POST /clusters/{index}/start", func(w http.ResponseWriter, r *http.Request) {
		s.operate(w, r, func(index int) error { return s.startCluster(r.Context(), index) })
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusAccepted, struct{}{})
		s.stop(errAsked)
	})
	go http.Serve(listener, s.authorised(mux))
	return listener.Addr().String(), nil
}

func (s *Supervisor) authorised(next http.Handler) http.Handler {
	wanted := []byte("Bearer " + s.config.ControlToken)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), wanted) != 1 {
			refuse(w, http.StatusUnauthorized, fmt.Errorf("the control token is missing or wrong"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Supervisor) operate(w http.ResponseWriter, r *http.Request, act func(int) error) {
	index, err := strconv.Atoi(r.PathValue("index"))
	if err != nil || index < 0 || index >= len(s.config.Clusters) {
		refuse(w, http.StatusNotFound, fmt.Errorf("there is no cluster %q: the fleet has 0 to %d",
			r.PathValue("index"), len(s.config.Clusters)-1))
		return
	}
	if !s.isReady() {
		refuse(w, http.StatusConflict, fmt.Errorf("the fleet is not ready yet"))
		return
	}
	if err := act(index); err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

func (s *Supervisor) status() status {
	s.mu.Lock()
	defer s.mu.Unlock()
	result := status{PID: os.Getpid(), Ready: s.ready, Processes: s.children.pids()}
	for i, c := range s.clusters {
		described := s.config.Clusters[i]
		result.Clusters = append(result.Clusters, clusterStatus{
			Index:       i,
			Server:      s.config.Server(i),
			Phase:       c.phase(),
			Separate:    described.Separate,
			Controllers: described.Controllers,
		})
	}
	return result
}

func refuse(w http.ResponseWriter, code int, reason error) {
	answer(w, code, map[string]string{"error": reason.Error()})
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body)
}
