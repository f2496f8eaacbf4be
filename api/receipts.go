package api

import (
	"net/http"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/strict"
)

// wanted is the body of POST /v1/receipts/get: ids or a subject.
type wanted struct {
	IDs     []string `json:"ids" min:"1" max:"1000" doc:"The ids of receipts."`
	Subject string   `json:"subject" min:"1" doc:"Whose receipts: kind:value."`
	Limit   int      `json:"limit" min:"1" max:"1000" doc:"With a subject: how many at most; 1000 if absent."`
	Cursor  string   `json:"cursor" min:"1" max:"200" doc:"With a subject: the next of the answer before."`
}

// found is the answer to it.
type found struct {
	Receipts []receipt.Receipt `json:"receipts" doc:"In the order of the ids; of a subject, oldest first."`
	Next     string            `json:"next,omitempty" doc:"Where a subject has more: the cursor of the next answer."`
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
	out, err := d.find(r, in)
	if err != nil {
		return err
	}
	out.Receipts = append([]receipt.Receipt{}, out.Receipts...)
	return reply(w, http.StatusOK, out)
}

func (d *door) find(r *http.Request, in wanted) (out found, err error) {
	switch byID := in.IDs != nil; {
	case byID == (in.Subject != ""):
		return out, fault.New(fault.Invalid, "name either ids or a subject")
	case byID && in.Limit > 0:
		return out, fault.At(fault.Invalid, "limit", "goes with a subject only")
	case byID && in.Cursor != "":
		return out, fault.At(fault.Invalid, "cursor", "goes with a subject only")
	case byID:
		out.Receipts, err = d.Store.Receipts(r.Context(), in.IDs)
		return out, err
	}
	id, err := subjectAt("subject", in.Subject, d.region())
	if err != nil {
		return out, err
	}
	out.Receipts, out.Next, err = d.Store.ReceiptsOf(r.Context(), id, in.Limit, in.Cursor)
	return out, err
}
