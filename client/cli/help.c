/* Help: one line per method in accountants' words (const table), the rest from the descriptors and the schemas' own
 * comments. */
#include <ctype.h>
#include <string.h>

#include "client/cli/cli.h"
#include "people.pb-c.h"

#define WIDTH 100

struct help_row {
    const char *method;
    const char *text;
    const char *example; /* options as typed into a shell; for the books of data/ */
};

static const struct help_row help_rows[] = {
    {"Access.Grant", "Let somebody see or record for a business",
     "--email ana@example.com --business WTR --level write"},
    {"Access.List", "Who may see or record for which business", ""},
    {"Access.Revoke", "Take somebody's access to a business away", "--email ana@example.com --business WTR"},
    {"Account.Change", "Rename an account or change how it is watched",
     "--number 1110 --name \"Cash in the water shop\""},
    {"Account.Deactivate", "Take an account out of use; it stays in the books", "--number 5600"},
    {"Account.List", "The chart of accounts", "--business WTR --active-only"},
    {"Account.Open", "Open an account", "--number 1116 --name \"Petty cash\" --business WTR --class cash"},
    {"Account.Reactivate", "Put an account back into use", "--number 5600"},
    {"Account.Show", "One account", "1110"},
    {"Adjustment.Approve", "Post an adjustment that somebody else asked for", "--adjustment 812"},
    {"Adjustment.List", "Adjustments, asked for and decided", "--open-only"},
    {"Adjustment.Reject", "Turn an adjustment down", "--adjustment 812 --reason \"count again\""},
    {"Adjustment.Request", "Ask for an adjustment that somebody else must approve",
     "--business WTR --reason \"count of 30 Nov\" --description Shortage --debit 5830=150.00 --credit "
     "1110=150.00"},
    {"Approval.Approve", "Let an expense or a withdrawal be done that somebody asked for", "--request 812"},
    {"Approval.List", "What waits for approval, and what became of it", "--open-only"},
    {"Approval.Reject", "Refuse what somebody asked for", "--request 812 --reason \"paid last week\""},
    {"Books.Show", "Name, base currency and dates of these books", ""},
    {"Business.Change", "Change what is known of a business", "--code WTR --phone +254700000001"},
    {"Business.Deactivate", "Close a business: no new documents, reports stay", "--code WTR"},
    {"Business.List", "The businesses in these books", "--active-only"},
    {"Business.Open", "Open a business", "--code CWH --name \"Car wash\" --type other"},
    {"Business.Reactivate", "Open a closed business again", "--code WTR"},
    {"Business.Set", "Change settings of a business from a date on",
     "--business WTR --setting operating_hours_start=07:30 --from today"},
    {"Business.Settings", "The settings of a business", "--business WTR"},
    {"Category.Deactivate", "Take a category out of use", "--name Stationery"},
    {"Category.Define", "Add a category of items", "--name Stationery"},
    {"Category.List", "The categories of items", ""},
    {"Contribution.Record", "The owner brings money in", "--business LND --amount 10,000.00 --to bank"},
    {"Currency.Define", "Add a currency or commodity", "--code USD --scale 2 --symbol '$'"},
    {"Currency.List", "Currencies and commodities", ""},
    {"Customer.Add", "Put a customer on file", "--name \"Jane Wanjiru\" --phone +254722000222"},
    {"Customer.Anonymise", "Take a customer's particulars out; amounts stay",
     "--customer LC003 --reason \"asked for it in writing\""},
    {"Customer.Change", "Change what is known of a customer", "--customer LC001 --email jane@example.org"},
    {"Customer.Deactivate", "Give a customer no more credit", "--customer LC002"},
    {"Customer.List", "The customers, their limits and what they owe", "--active-only"},
    {"Customer.Merge", "Make one customer of two that are the same person",
     "--from +254733000003 --into LC001"},
    {"Customer.Reactivate", "Give a customer credit again", "--customer LC002"},
    {"Customer.SetCreditLimit", "Say how much a customer may owe in a business",
     "--customer LC001 --business LND --limit 6,000"},
    {"Customer.Show", "One customer, with limits and balances", "LC001"},
    {"Cylinder.Acquire", "Buy cylinders",
     "--business RTL --type SH6 --serial SH6-0101 --serial SH6-0102 --cost 2,400 --state empty --tender "
     "method=bank"},
    {"Cylinder.BackFromMaintenance", "Take cylinders back from maintenance",
     "--business RTL --serial SH6-0102"},
    {"Cylinder.BackFromSupplier", "Take cylinders back from the supplier",
     "--business RTL --serial SH6-0102"},
    {"Cylinder.Exchange", "Hand a full cylinder out: for an empty one, a deposit, or for good",
     "--business RTL --customer LC001 --mode deposit --serial-out SH6-0001"},
    {"Cylinder.Forfeit", "Keep the deposit of a cylinder that does not come back",
     "--serial SH6-0002 --reason \"customer has moved away\""},
    {"Cylinder.List", "The register of cylinders", "--business RTL --state full"},
    {"Cylinder.Lose", "Write lost cylinders off",
     "--business RTL --serial SH13-0003 --reason \"stolen at night\""},
    {"Cylinder.MakeVoid", "Undo an exchange on its own day",
     "--number LX-20261123-0001 --reason \"typed twice\""},
    {"Cylinder.Open", "Enter the cylinders that were there on the first day",
     "--business RTL --date 2025-01-01 --line type=SH6,serial=SH6-0201,value=2500,state=empty"},
    {"Cylinder.Refill", "Fill empty cylinders: bought gas, or gas from stock",
     "--business RTL --serial SH6-0101 --cost 900"},
    {"Cylinder.ReturnEmpty", "Take an empty cylinder back and refund its deposit", "--serial SH6-0001"},
    {"Cylinder.Scrap", "Write worn-out cylinders off",
     "--business RTL --serial SH6-0102 --reason \"rusted through\""},
    {"Cylinder.SendToMaintenance", "Send cylinders to maintenance", "--business RTL --serial SH6-0102"},
    {"Cylinder.SendToSupplier", "Send cylinders to the supplier", "--business RTL --serial SH6-0102"},
    {"Cylinder.Show", "One cylinder", "SH6-0001"},
    {"Cylinder.Undo", "Take back what was acquired, filled, lost or scrapped by mistake; find what was lost",
     "--number AJ-20261123-0001 --reason \"found behind the store\""},
    {"CylinderType.Define", "Add a type of cylinder: brand, size, deposit",
     "--code SH50 --brand Shell --capacity 50 --item GAS --deposit 9,000 --shell-price 11,000"},
    {"CylinderType.List", "The types of cylinders", ""},
    {"Day.Close", "Close the day of a till: its Z report",
     "--business WTR --counted 7,440.00 --note \"ten short\""},
    {"Day.Count", "Count the till in between", "--business WTR --counted 7,450.00"},
    {"Day.List", "Days of tills, open and closed", "--business WTR --open-only"},
    {"Day.Open", "Open the day of a till with its counted float",
     "--business WTR --cash value=1000,count=4 --cash value=500,count=2"},
    {"Day.Reopen", "Open the last closed day of a till again", "--business WTR --reason \"found the note\""},
    {"Day.Show", "The day of a till with its Z report", "--business WTR --date today"},
    {"Deposit.Record", "Bank what is in the till or on M-Pesa",
     "--business WTR --amount 2,000.00 --reference SLIP-17"},
    {"Drawing.Record", "The owner takes money out", "--business WTR --amount 1,000.00"},
    {"Entry.Discard", "Throw a draft away", "--draft 812 --reason duplicate"},
    {"Entry.Draft", "Keep an entry as a draft, to be posted later",
     "--business LND --date today --description Rent --debit 5200=12,000 --credit 1120=12,000"},
    {"Entry.Drafts", "Drafts that are not posted yet", "--business LND"},
    {"Entry.List", "Journal entries in the order of their dates",
     "--from 2026-11-01 --to today --account 1110"},
    {"Entry.Post", "Post a journal entry",
     "--business WTR --date today --description \"Cash sale\" --debit 1110=1,250.50 --credit 4100=1,250.50"},
    {"Entry.PostDraft", "Post a draft", "--draft 812"},
    {"Entry.Reverse", "Undo an entry by a new one with the sides swapped",
     "JE-20261005-0001 --reason \"wrong account\""},
    {"Entry.Show", "One journal entry with its lines", "JE-20261005-0001"},
    {"Equipment.Add", "Buy equipment, or enter what is in the books already",
     "--business LND --code WASHER1 --name \"Washing machine\" --cost 90,000 --months 60"},
    {"Equipment.Depreciate", "Write a month of wear off the equipment of a business",
     "--business LND --month 202501"},
    {"Equipment.Dispose", "Sell equipment, or throw it away", "--code WASHER1 --reason \"worn out\""},
    {"Equipment.List", "The register of equipment and what it is worth", "--business LND"},
    {"Expense.List", "Expenses in the order of their dates", "--business WTR --from 2026-11-01 --to today"},
    {"Expense.MakeVoid", "Undo an expense that was none",
     "--number EX-20261123-0001 --reason \"typed twice\""},
    {"Expense.Record", "Record an expense", "--business WTR --category Transportation --amount 450.00"},
    {"Expense.RecordPetty", "Record a small expense out of the till",
     "--business WTR --category Supplies --amount 80.00"},
    {"Expense.Release", "Take an accrued expense back: its bill came",
     "--number EX-20261130-0001 --date 2026-12-01"},
    {"Expense.Show", "One expense, and what became of it", "EX-20261123-0001"},
    {"ExpenseCategory.Deactivate", "Take a category of expenses out of use", "--name Marketing"},
    {"ExpenseCategory.Define", "Say to which account a kind of expense goes",
     "--name Licences --account 5800"},
    {"ExpenseCategory.List", "Categories of expenses and their accounts", ""},
    {"Float.Give", "Give a till its float, from the bank or the safe", "--business WTR --amount 500.00"},
    {"Float.Take", "Take the float back out of a till", "--business WTR --amount 500.00"},
    {"Invoice.Export", "Invoices and credit notes as the tax authority takes them (eTIMS)",
     "--business RTL --from 2025-01-01 --to 2025-01-31"},
    {"Item.Change", "Change what is known of an item",
     "--code BEV001 --name \"Coca Cola 0.5 litre\" --reorder-level 30"},
    {"Item.Deactivate", "Take an item out of use", "--code PEN01"},
    {"Item.Define", "Add an item or service to the catalogue",
     "--code PEN01 --name \"Ball pen\" --category Household"},
    {"Item.List", "Items and services", "--category Beverages"},
    {"Item.Reactivate", "Put an item back into use", "--code PEN01"},
    {"Item.Show", "One item, by code or barcode", "--code BEV001"},
    {"Job.Cancel", "Cancel a job and give back what was paid", "LJ-20261123-0001 --reason \"taken back\""},
    {"Job.Change", "Change the lines of a job before work began, or when it is promised",
     "LJ-20261123-0001 --promised-date 2026-11-27"},
    {"Job.Collect", "Hand a ready job out", "LJ-20261123-0001"},
    {"Job.Discount", "Take something off what a job costs",
     "LJ-20261123-0001 --amount 20 --reason \"a button is lost\""},
    {"Job.List", "Jobs in the order in which they were taken in", "--business LND --open"},
    {"Job.Move", "Move a job to its next stage, or to ready", "LJ-20261123-0001 --to ready"},
    {"Job.MoveBack", "Undo the last move of a job", "LJ-20261123-0001 --reason \"not ironed yet\""},
    {"Job.Pay", "Take a payment for a job", "LJ-20261123-0001 --tender method=cash,amount=250.00"},
    {"Job.Receive", "Take a job in", "--business LND --customer LC001 --line item=WASH-FOLD,quantity=3"},
    {"Job.Remind", "Note that the customer was told that a job waits",
     "LJ-20261123-0001 --note \"by telephone\""},
    {"Job.Show", "One job with its lines, its balance and what happened to it", "LJ-20261123-0001"},
    {"Job.VoidPayment", "Undo a payment of a job: what it settled is open again",
     "PR-20261123-0001 --reason \"typed twice\""},
    {"Job.WriteOff", "Give up what is left to pay of a job", "LJ-20261123-0001 --reason \"cannot be found\""},
    {"Log.Checkpoint", "The signed checkpoint of the log", ""},
    {"Log.Consistency", "Proof that a longer log extends a shorter one", "--old-size 100 --new-size 200"},
    {"Log.Digest", "Fingerprints of state and views, to compare with a replay", ""},
    {"Log.Follow", "The stored records themselves, as hexadecimal text", "--from-position 1 --wait"},
    {"Log.Inclusion", "Proof that a record is in the log", "--position 100"},
    {"Login.LogIn", "Log in with e-mail and password", "--email ana@example.com"},
    {"Login.LogOut", "Log out", ""},
    {"Login.WhoAmI", "Who you are to the server, and what you may do", ""},
    {"Mpesa.Callback", "M-Pesa answers a request for payment",
     "--checkout ws_CO_191220191020363925 --result 1032 --result-text \"Request cancelled by user\""},
    {"Mpesa.Charge", "M-Pesa took a fee",
     "--till 174111 --receipt SJ7C0R1PFP --amount 34 --completed-time 2026-11-23T10:15:00+03:00"},
    {"Mpesa.Confirm", "M-Pesa tells of money that came in",
     "--till 174111 --receipt RKTQDM7W6S --amount 250 --completed-time 2026-11-23T10:15:00+03:00"},
    {"Mpesa.List", "What M-Pesa told of the tills, and what became of it", "--state waiting"},
    {"Mpesa.Match", "Give a receipt that waits to whom it belongs",
     "--receipt RKTQDM7W6S --customer +254711000001"},
    {"Mpesa.PayOut", "M-Pesa tells of money that went out",
     "--till 174111 --receipt SKB41CX0TQ --amount 200 --completed-time 2026-11-23T10:15:00+03:00"},
    {"Mpesa.Request", "Note that a customer was asked on the phone to pay",
     "--till 174111 --checkout ws_CO_191220191020363925 --amount 250 --number JE-20261005-0001"},
    {"Mpesa.Requests", "Requests for payment and their answers", "--state asked"},
    {"Mpesa.Reverse", "M-Pesa took a payment back",
     "--till 174111 --receipt SKC52DY1UR --original RKTQDM7W6S --amount 250 --completed-time "
     "2026-11-23T10:15:00+03:00"},
    {"Mpesa.Settle", "M-Pesa sent money to the bank",
     "--till 174111 --receipt SJ7C0R1PFP --amount 4,966 --completed-time 2026-11-23T10:15:00+03:00"},
    {"Mpesa.Unmatch", "A receipt waits again", "--receipt RKTQDM7W6S --reason \"another customer's\""},
    {"Opening.Post", "Post a business's opening balances",
     "--business WTR --date 2026-01-01 --balance 1110=5,000 --balance 1140=40,000"},
    {"Payment.MakeVoid", "Undo a payment: what it settled is open again",
     "--number PR-20261123-0001 --reason \"typed twice\""},
    {"Payment.PaySupplier", "Pay a supplier",
     "--business RTL --supplier \"Mombasa Bottlers\" --tender method=bank,amount=500"},
    {"Payment.Receive", "A customer settles what he owes",
     "--business LND --customer LC001 --tender method=mpesa,amount=100,reference=RKTQDM7W6S"},
    {"Payment.Refund", "Pay back what a customer paid too much", "--business LND --customer LC002"},
    {"Payment.WriteOff", "Give up what a customer owes",
     "--business LND --customer LC001 --amount 50 --reason \"cannot be found\""},
    {"Period.Close", "Close a month for good", "--month 2026-10"},
    {"Period.CloseYear", "Close a year: results to retained earnings", "--year 2026"},
    {"Period.List", "Months and their state", "--year 2026"},
    {"Period.Reopen", "Open the last closed month again", "--month 2026-10 --reason \"late invoice\""},
    {"Period.SoftClose", "Close a month for all but those who close books", "--month 2026-10"},
    {"Place.Define", "Add a place where stock is kept", "--business RTL --name \"Store room\""},
    {"Place.List", "The places where stock is kept", "--business RTL"},
    {"PostingRule.List", "Which account plays which part in documents", "--business RTL"},
    {"PostingRule.Set", "Say which account plays which part in documents",
     "--business RTL --rule role=rounding,account=5860"},
    {"Price.List", "Prices and since when they hold", "--business LND --as-at today"},
    {"Price.Set", "Set prices from a date on", "--business RTL --from today --price item=BEV001,price=55.00"},
    {"Production.List", "What was made", "--business WTR --from 2026-11-01 --to today"},
    {"Production.MakeVoid", "Undo a production on its own day",
     "--number WP-20261123-0001 --reason \"typed twice\""},
    {"Production.Record", "Make goods out of stock: fill bottles",
     "--business WTR --item W500 --quantity 50 --broken 1 --cost 100"},
    {"Purchase.List", "What was bought", "--business RTL --from 2026-11-01 --to today"},
    {"Purchase.Record", "Buy goods or supplies",
     "--business RTL --supplier \"Mombasa Bottlers\" --invoice INV-77 --line "
     "item=BEV001,quantity=24,unit-cost=35.00 --tender method=credit"},
    {"PurchaseReturn.Record", "Give goods back to the supplier",
     "--number PU-20261123-0001 --line line=1,quantity=2 --reason \"past its date\""},
    {"Recipe.Define", "Say what an item is made of",
     "--item W500 --line item=W500,condition=empty,quantity=1"},
    {"Recipe.List", "What items are made of", "--item W500"},
    {"Reconciliation.AddLines", "Give the lines of a statement; those given already are left out",
     "--reconciliation 812 --line date=2026-11-20,reference=RKTQDM7W6S,amount=350.00"},
    {"Reconciliation.BookDifference", "Post the difference that a reconciliation found",
     "--reconciliation 812 --against 5830 --description \"cash short\""},
    {"Reconciliation.Complete", "Say that the lines of a statement are worked through",
     "--reconciliation 812"},
    {"Reconciliation.Ignore", "Leave a line of a statement out: it is no movement of the account",
     "--reconciliation 812 --line 1 --reason \"balance carried forward\""},
    {"Reconciliation.Lines", "Lines of statements, open, matched and ignored", "--account 1170 --state open"},
    {"Reconciliation.List", "Reconciliations and their differences", "--account 1110 --from 2026-11-01"},
    {"Reconciliation.Match", "Match a line of a statement with an entry",
     "--reconciliation 812 --line 1 --number JE-20261005-0001"},
    {"Reconciliation.Record", "Compare an account with a count or a statement",
     "--account 1110 --as-at today --external-balance 4,980.00"},
    {"Reconciliation.Reopen", "Take a reconciliation back",
     "--reconciliation 812 --reason \"a receipt was found\""},
    {"Reconciliation.Start", "Begin to compare an account with a statement, line by line",
     "--account 1170 --business HQ --as-at today --external-balance 64,980.00"},
    {"Reconciliation.Unmatch", "Make a line of a statement open again", "--reconciliation 812 --line 1"},
    {"Report.List", "The reports there are", ""},
    {"Report.Run", "Run a report", "trial-balance --as-at today --business all"},
    {"Return.Record", "Take back what a customer returns",
     "--number RS-20261123-0001 --line line=1,quantity=1 --reason \"past its date\""},
    {"Role.Deactivate", "Take a role out of use", "--name Clerk"},
    {"Role.Define", "Define a role by what it permits",
     "--name Clerk --permission journal=write --permission sales=read"},
    {"Role.List", "Roles and what they permit", ""},
    {"Salary.Pay", "Pay a salary", "--business LND --employee \"S-03\" --gross 30,000"},
    {"Sale.List", "Sales in the order of their dates", "--business LND --from 2026-11-01 --to today"},
    {"Sale.MakeVoid", "Undo a sale on its own day", "--number RS-20261123-0001 --reason \"typed twice\""},
    {"Sale.Record", "Sell goods or services", "--business LND --line item=IRON,quantity=2"},
    {"Sale.Review", "Say that a sale which waited for review was looked at",
     "--number RS-20261123-0001 --note \"price was right on that day\""},
    {"Sale.Show", "One sale with its lines and what became of it", "RS-20261123-0001"},
    {"Series.Define", "Add a series of document numbers", "--prefix QT --name Quotation"},
    {"Series.List", "Series of document numbers", ""},
    {"Sessions.Close", "End one session", "--session 812"},
    {"Sessions.List", "Who is logged in, from where", ""},
    {"Sessions.Revoke", "Log somebody out everywhere", "--email ana@example.com"},
    {"Stock.Adjust", "Take stock out or in for a reason: breakage, own use, found",
     "--business RTL --reason breakage --line item=BEV001,quantity=-2 --note \"fell off the shelf\""},
    {"Stock.Count", "Enter a count; the difference to the books is booked",
     "--business RTL --line item=BEV001,counted=96"},
    {"Stock.List", "What is in stock, and what is low", "--business RTL"},
    {"Stock.Open", "Enter the stock that was there on the first day",
     "--business RTL --date 2025-01-01 --line item=GRN001,quantity=40,unit-cost=110.00"},
    {"Stock.Transfer", "Move stock between places or businesses",
     "--from-business RTL --to-business WTR --line item=BEV001,quantity=6"},
    {"Supplier.Add", "Put a supplier on file", "--name \"Mombasa Bottlers\" --terms-days 30"},
    {"Supplier.Change", "Change what is known of a supplier",
     "--supplier \"Mombasa Bottlers\" --terms-days 14"},
    {"Supplier.Deactivate", "Buy no more from a supplier", "--supplier \"Mombasa Bottlers\""},
    {"Supplier.List", "The suppliers and what is owed to them", "--active-only"},
    {"Supplier.Reactivate", "Buy from a supplier again", "--supplier \"Mombasa Bottlers\""},
    {"Tax.AccrueExcise", "Book the excise on what was packaged",
     "--business WTR --line item=W500,quantity=200"},
    {"Tax.FileVat", "Settle the VAT of a month", "--month 202501"},
    {"Tax.ListVat", "VAT returns that were filed", "--year 2025"},
    {"Tax.Pay", "Pay VAT, excise, withheld tax or payroll deductions",
     "--debt vat --account 1170 --reference 2025010123"},
    {"Tax.WithdrawVat", "Take back the last VAT return",
     "--number JE-20250131-0001 --reason \"a bill was missing\""},
    {"TaxCode.Define", "Add a tax code", "--code RED --name \"Reduced rate\" --kind standard --rate 8.00"},
    {"TaxCode.List", "Tax codes and their rates", ""},
    {"TaxCode.SetRate", "Change the rate of a tax code from a date on",
     "--code RED --rate 9.00 --from 2027-01-01"},
    {"Till.Change", "Change what is known of an M-Pesa till", "--number 174111 --name \"Front till\""},
    {"Till.Deactivate", "Take an M-Pesa till out of use", "--number 174112"},
    {"Till.List", "The M-Pesa tills of the businesses", "--business WTR"},
    {"Till.Open", "Register an M-Pesa till of a business",
     "--business WTR --number 174112 --name \"Second till\" --kind buy-goods --account 1140"},
    {"Till.Reactivate", "Put an M-Pesa till back into use", "--number 174112"},
    {"Till.RotateCredentials", "Say that a till's credentials were replaced, and where they are kept",
     "--number 174111 --secret-reference vault:mpesa/174111"},
    {"TransactionType.Deactivate", "Take a transaction type out of use", "--code GIFT"},
    {"TransactionType.Define", "Add a transaction type", "--code GIFT --name \"Gift given\""},
    {"TransactionType.List", "Transaction types", ""},
    {"Transfer.Record", "Move money to another account or business",
     "--business WTR --to-business LND --amount 500.00"},
    {"User.AssignRoles", "Set somebody's roles; replaces all", "--email ana@example.com --role Accountant"},
    {"User.Change", "Change what is known of somebody", "--email ana@example.com --phone +254712000008"},
    {"User.Create", "Add somebody who may log in",
     "--email ana@example.com --first-name Ana --last-name Otieno --phone +254712000007 --password - --role "
     "Cashier"},
    {"User.Deactivate", "Let somebody log in no more", "--email ana@example.com"},
    {"User.EnrollCertificate", "Let a certificate stand for somebody",
     "--email ana@example.com --label \"shop laptop\" --fingerprint "
     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {"User.List", "Who may log in", ""},
    {"User.Reactivate", "Let somebody log in again", "--email ana@example.com"},
    {"User.RevokeCertificate", "A certificate stands for nobody any more",
     "--fingerprint 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {"User.SetPassword", "Set a new password; - asks on the terminal, @FILE reads a file",
     "--old-password - --new-password -"},
    {"User.Unlock", "Unlock somebody after too many wrong passwords", "--email ana@example.com"},
    {"Withdrawal.Record", "Take money out of the bank into the till", "--business WTR --amount 5,000.00"},
};

static const struct help_row *row_of(const char *method)
{
    for (size_t i = 0; i < sizeof help_rows / sizeof help_rows[0]; i++) {
        if (strcmp(help_rows[i].method, method) == 0)
            return &help_rows[i];
    }
    return NULL;
}

/* One line for people; NULL. */
static const char *help_line(const char *method)
{
    const struct help_row *row = row_of(method);
    return row != NULL ? row->text : NULL;
}

const char *help_example(const char *method)
{
    const struct help_row *row = row_of(method);
    return row != NULL ? row->example : NULL;
}

static const char *message_comment(const ProtobufCMessageDescriptor *type, const char *field)
{
    return schema_text(type->short_name, field);
}

/* How a command is typed: "entry post", "log-in", "report". */
static void typed(const struct method *method, char *out, size_t cap)
{
    char noun[SERVICE_NAME_TEXT_MAX], verb[SERVICE_NAME_TEXT_MAX];
    name_kebab(method->service->short_name, noun);
    name_kebab(method->row->name, verb);
    if (strcmp(noun, "login") == 0)
        (void)snprintf(out, cap, "%s", verb);
    else if (strcmp(method->name, "Report.Run") == 0)
        (void)snprintf(out, cap, "report");
    else if (strcmp(method->name, "Report.List") == 0)
        (void)snprintf(out, cap, "report --list");
    else
        (void)snprintf(out, cap, "%s %s", noun, verb);
}

/* Text from `column` on, broken at spaces. */
static void wrapped(FILE *to, const char *text, size_t column)
{
    size_t at = column;
    for (const char *word = text; *word != '\0';) {
        size_t len = strcspn(word, " ");
        if (at > column && at + 1 + len > WIDTH) {
            (void)fprintf(to, "\n%*s", (int)column, "");
            at = column;
        }
        if (at > column)
            (void)fputc(' ', to);
        (void)fwrite(word, 1, len, to);
        at += len + 1;
        word += len + (word[len] == ' ');
    }
    (void)fputc('\n', to);
}

static const char *form_word(const ProtobufCFieldDescriptor *field)
{
    switch (field_form(field)) {
    case FORM_TEXT:
        return "TEXT";
    case FORM_NUMBER:
        return "NUMBER";
    case FORM_FLAG:
        return "";
    case FORM_ENUM:
        return "WORD";
    case FORM_BYTES:
        return "HEX";
    case FORM_MESSAGE:
        return "FIELD=VALUE,...";
    case FORM_AMOUNT:
        return "AMOUNT";
    case FORM_DATE:
        return "DATE";
    case FORM_TIME:
        return "TIME";
    case FORM_RATE:
        return "PERCENT";
    case FORM_QUANTITY:
        return "QUANTITY";
    case FORM_MONTH:
        return "YYYY-MM";
    case FORM_DAY:
        return "MM-DD";
    }
    return "";
}

static void enum_words(const ProtobufCEnumDescriptor *type, FILE *to, int column)
{
    char text[64 * SERVICE_NAME_TEXT_MAX] = "";
    size_t len = 0;
    for (unsigned i = 0; i < type->n_values && len + SERVICE_NAME_TEXT_MAX + 2 < sizeof text; i++) {
        char word[SERVICE_NAME_TEXT_MAX];
        if (!enum_offered(type, i))
            continue;
        enum_text(type, type->values[i].value, word);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len > 0 ? ", " : "", word);
    }
    (void)fprintf(to, "%*s", column, "");
    wrapped(to, text, (size_t)column);
}

/* --known-at takes both forms of a report's question; other queries know positions alone. */
static const char *value_word(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    if (strcmp(field->name, "known_at_position") != 0)
        return form_word(field);
    return protobuf_c_message_descriptor_get_field_by_name(type, "known_at_time_us") != NULL
               ? "POSITION|TIME|DATE"
               : "POSITION";
}

static void help_field(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                       FILE *to)
{
    char name[SERVICE_NAME_TEXT_MAX], head[2 * SERVICE_NAME_TEXT_MAX];
    field_option_name(field, name);
    const char *form = value_word(type, field);
    (void)snprintf(head, sizeof head, "--%s %s%s", name, form,
                   field->label == PROTOBUF_C_LABEL_REPEATED ? " ..." : "");
    const char *comment = message_comment(type, field->name);
    if (strchr(form, '|') != NULL)
        comment = "what the books said at a log position, at a moment or at the end of a day";
    (void)fprintf(to, "  %-30s ", head);
    wrapped(to, comment != NULL ? comment : "", 33);
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        enum_words(field->descriptor, to, 33);
}

static void help_lines(const ProtobufCFieldDescriptor *lines, FILE *to)
{
    const ProtobufCMessageDescriptor *type = lines->descriptor;
    bool has_account =
        strcmp(lines->name, "lines") == 0 && field_by_name(type, slice_text("account"), false) != NULL;
    char name[SERVICE_NAME_TEXT_MAX];
    for (unsigned i = 0; has_account && i < type->n_fields; i++) {
        if (field_form(&type->fields[i]) != FORM_AMOUNT)
            continue;
        field_option_name(&type->fields[i], name);
        (void)fprintf(to, "  --%s ACCOUNT=AMOUNT[,FIELD=VALUE,...]   a line by its %s\n", name, name);
    }
    field_option_name(lines, name);
    (void)fprintf(to, "  fields of --%s:\n", name);
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (field_from_server(type, &type->fields[i]))
            continue;
        const char *comment = message_comment(type, type->fields[i].name);
        char field[SERVICE_NAME_TEXT_MAX];
        field_option_name(&type->fields[i], field);
        (void)fprintf(to, "      %-26s ", field);
        wrapped(to, comment != NULL ? comment : "", 33);
        if (type->fields[i].type == PROTOBUF_C_TYPE_ENUM)
            enum_words(type->fields[i].descriptor, to, 33);
    }
}

static void help_fields(const ProtobufCMessageDescriptor *type, FILE *to)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (strcmp(type->fields[i].name, "known_at_time_us") != 0 && /* --known-at takes both */
            !field_from_server(type, &type->fields[i]) &&
            !(type == &daftari__v1__log_in__descriptor && strcmp(type->fields[i].name, "password") == 0))
            help_field(type, &type->fields[i], to);
    }
    if (type == &daftari__v1__log_in__descriptor)
        (void)fprintf(to, "  %-30s %s\n", "--password-file FILE",
                      "take the password from the first line of this file, instead of asking for it");
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
            type->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
            help_lines(&type->fields[i], to);
    }
}

void help_method(const struct method *method, FILE *to)
{
    char command[2 * SERVICE_NAME_TEXT_MAX];
    const struct help_row *row = row_of(method->name);
    const ProtobufCMessageDescriptor *type = method->row->input;
    typed(method, command, sizeof command);
    (void)fprintf(to, "daftari %s%s\n", command, type->n_fields > 0 ? " [--option value ...]" : "");
    if (row != NULL)
        (void)fprintf(to, "  %s.\n", row->text);
    const char *comment = message_comment(type, "");
    if (comment != NULL) {
        (void)fputs("  ", to);
        wrapped(to, comment, 2);
    }
    if (type->n_fields > 0)
        (void)fputs("\nOptions:\n", to);
    help_fields(type, to);
    if (strcmp(method->name, "Period.Close") == 0 || strcmp(method->name, "Period.SoftClose") == 0)
        (void)fprintf(to, "  %-30s %s\n", "--all-before",
                      "the months before it that are open, too, from the first on");
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
            type->fields[i].label != PROTOBUF_C_LABEL_REPEATED) {
            (void)fprintf(to, "Options of the %s:\n", type->fields[i].name);
            help_fields(type->fields[i].descriptor, to);
        }
    }
    if (row != NULL)
        (void)fprintf(to, "\nExample:\n  daftari %s%s%s\n", command, row->example[0] != '\0' ? " " : "",
                      row->example);
    (void)fputs("\nDates are 2026-11-23, 23/11/2026, today, yesterday or tomorrow; amounts 1,250.50. "
                "`daftari help options` lists "
                "the options of every "
                "command.\n",
                to);
}

void help_noun(const ProtobufCServiceDescriptor *service, FILE *to)
{
    for (unsigned i = 0; i < service->n_methods; i++) {
        struct method method;
        char command[2 * SERVICE_NAME_TEXT_MAX];
        method_at(service, i, &method);
        typed(&method, command, sizeof command);
        const char *line = help_line(method.name);
        (void)fprintf(to, "  %-34s %s\n", command, line != NULL ? line : "");
    }
}

void help_all(FILE *to)
{
    (void)fputs(
        "daftari: the books of your businesses, from the command line\n\n"
        "usage: daftari NOUN VERB [--option value ...]\n"
        "       daftari help [NOUN [VERB]]\n\n"
        "First steps:\n"
        "  daftari log-in --email YOU@EXAMPLE.COM\n"
        "  daftari account list\n"
        "  daftari entry post --date today --description \"Cash sale\" --debit 1110=500 --credit 4100=500\n"
        "  daftari report trial-balance\n\n",
        to);
    for (size_t i = 0; i < services_count; i++)
        help_noun(services[i], to);
    (void)fputs(
        "  load FILE                          Send a file of commands, one JSON object a line; again "
        "is harmless\n"
        "  import journal FILE                Bring in a journal written by hledger print "
        "--output-format json\n"
        "  mpesa confirm --file FILE          Book what Daraja sent: confirmations, results (mpesa callback "
        "likewise)\n"
        "  mpesa statement --file FILE        Book the organisation's statement; --reconcile compares\n"
        "  mpesa unmatched                    Receipts that wait until they are known to be somebody's\n"
        "  outbox add|send|list|clear         Commands kept on disk until the server can be reached\n"
        "  check-books                        Whether the books tie out; exit code 1 when something differs\n"
        "  ping                               Whether the server answers, and who it is\n"
        "  completion bash                    Completion for the shell\n\n",
        to);
    settings_help(to);
    (void)fputs(
        "\nExit codes: 0 done, 1 refused, 2 wrong use (no command was sent), 3 denied or not logged in,\n"
        "4 no connection or server fault, 5 the server's log was rolled back or replaced, 6 a file is wrong\n"
        "and a part of it was sent, 7 done, but the answer could not be written.\n",
        to);
}

static bool help_is_report(const char *name)
{
    const char *found = strstr(" " REPORT_NAMES " ", name);
    size_t len = strlen(name);
    return found != NULL && len > 0 && found[-1] == ' ' && found[len] == ' ';
}

int help_run(int argc, char **argv)
{
    struct method method;
    if (argc == 0) {
        help_all(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[0], "completion") == 0) {
        (void)puts("daftari completion bash\n  Prints completion for bash. Put this into ~/.bashrc:\n"
                   "    source <(daftari completion bash)");
        return EXIT_DONE;
    }
    if (strcmp(argv[0], "options") == 0) {
        settings_help(stdout);
        return EXIT_DONE;
    }
    const ProtobufCServiceDescriptor *login = service_by_noun("login");
    if (argc == 1 && login != NULL && method_by_verb(login, argv[0], &method)) {
        help_method(&method, stdout);
        return EXIT_DONE;
    }
    const ProtobufCServiceDescriptor *service = service_by_noun(argv[0]);
    if (service == NULL)
        return cli_usage("there is no \"%s\": daftari help lists what there is", argv[0]);
    if (strcmp(argv[0], "report") == 0 && argc == 1 && method_by_name("Report.Run", &method)) {
        help_method(&method, stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[0], "report") == 0 && help_is_report(argv[1]) && method_by_name("Report.Run", &method)) {
        (void)printf("daftari report %s: what it takes of these options: daftari report --list\n\n", argv[1]);
        help_method(&method, stdout);
        return EXIT_DONE;
    }
    if (argc == 1) {
        help_noun(service, stdout);
        return EXIT_DONE;
    }
    if (!method_by_verb(service, argv[1], &method))
        return cli_usage("there is no \"%s %s\": daftari help %s lists what there is", argv[0], argv[1],
                         argv[0]);
    help_method(&method, stdout);
    return EXIT_DONE;
}
