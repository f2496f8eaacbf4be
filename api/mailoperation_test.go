package api

import "reflect"

func mailOperation() operation {
	return operation{
		id: "postMail", summary: "Send a mail, if its purpose allows it",
		text: "Queues a mail of yours, in your own words. Whether the purpose allows it is decided now, and once more when it leaves: what is taken back meanwhile is not sent. A no is 409 at purpose, with its reason. " +
			"Where the purpose rests on consent the mail carries a way to take it back (RFC 2369, RFC 8058). Every mail carries a code by which its reader can ask whether it is yours. " +
			"The answer comes after the commit is durable; the mail is then tried for three days.",
		in: []reflect.Type{reflect.TypeFor[mailing]()}, out: []reflect.Type{reflect.TypeFor[queued]()},
		status: "202", problems: append([]*kind{conflict}, posted...),
		asked:    []example{{"bill", "A bill", raw(`{"subject":"email:sara@example.com","purpose":"billing","language":"en","mail":{"subject":"Your bill of March","text":"It is 42 dollars.\\n\\nhttps://www.cascofiber.example/bills","html":"<p>It is 42 dollars. <a href=\"https://www.cascofiber.example/bills\">Look at it</a></p>"}}`)}},
		answered: []example{{"queued", "It is on its way", raw(`{"mail":"6mafgvifeim6bcscjxihom4ez4"}`)}},
	}
}

func leaveOperation() operation {
	return operation{
		id: "unsubscribeLinks", summary: "What lets the readers of other senders leave",
		text: "For mails that another program of yours sends: of each person, whether the mail may be sent now, the two headers that give a mail program its button (RFC 8058), and an address for the text of the mail. " +
			"The addresses work for ever, and take the consent back here, for every sender.",
		in: []reflect.Type{reflect.TypeFor[leaving]()}, out: []reflect.Type{reflect.TypeFor[ways]()},
		status: "200", problems: append([]*kind{conflict}, posted...),
		asked: []example{{"two", "Two readers", raw(`{"purpose":"newsletter","subjects":["email:sara@example.com","email:omar@example.com"]}`)}},
		answered: []example{{"two", "One wants it, one does not", raw(`{"links":[{"allowed":true,"reason":"given","url":"https://privacy.cascofiber.example/u/1L_xJ2MR1xWJh0FKDyta4g4BH2rYXCcLNXRtsnyu2gqCwBhmnp3p4aRJKxE",` +
			`"headers":{"List-Unsubscribe":"<https://privacy.cascofiber.example/u/1L_xJ2MR1xWJh0FKDyta4g4BH2rYXCcLNXRtsnyu2gqCwBhmnp3p4aRJKxE>","List-Unsubscribe-Post":"List-Unsubscribe=One-Click"}},{"allowed":false,"reason":"withdrawn"}]}`)}},
	}
}
