package api

import (
	"net/http"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/strict"
)

// wanted is the body of POST /v1/receipts/get: exactly one of its members.
type wanted struct {
	IDs     []string `json:"ids" min:"1" max:"1000" doc:"The ids of receipts."`
	Subject string   `json:"subject" min:"1" doc:"Whose receipts: kind:value."`
}

// found is the answer to it.
type found struct {
	Receipts []receipt.Receipt `json:"receipts" doc:"In the order of the ids; of a subject, oldest first."`
}

func (d *door) getReceipts(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in wanted
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	list, err := d.find(r, in)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, found{append([]receipt.Receipt{}, list...)})
}

func (d *door) find(r *http.Request, in wanted) ([]receipt.Receipt, error) {
	switch byID := in.IDs != nil; {
	case byID == (in.Subject != ""):
		return nil, fault.New(fault.Invalid, "name either ids or a subject")
	case byID:
		return d.Store.Receipts(r.Context(), in.IDs)
	}
	id, err := subjectAt("subject", in.Subject, d.region())
	if err != nil {
		return nil, err
	}
	return d.Store.ReceiptsOf(r.Context(), id)
}
