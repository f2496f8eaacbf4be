// Everything in one: for a visitor who has not answered yet.
import './ui'
import './begin'
