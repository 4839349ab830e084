"""Writes the two documents beside this file: orders as airlines exchange them, every name, number and text invented.

    python3 make_orders.py

Synthetic: nothing is copied from a real order or from a published sample. The element names are those that such messages have in
common; the content is made here, always the same.
"""
import pathlib
import random

HERE = pathlib.Path(__file__).parent
NOTE = "<!-- Synthetic: made by make_orders.py. No person, flight, price or ticket in it is real. -->"

NAMES = [("Zoë", "Ångström"), ("Łukasz", "Żak"), ("Mei", "李"), ("José", "Núñez & Sons"), ("Ayşe", "Öztürk"), ("Tomáš", "Dvořák"),
         ("Nikos", "Παπαδόπουλος"), ("Iris", "O'Brien"), ("Per", "Sæther"), ("Ana", "D'Ávila"), ("Olu", "Adébáyò"), ("Ines", "Weiß")]
PLACES = ["AAX", "BBX", "CCX", "DDX", "EEX", "FFX", "GGX"]


def order_view(rng):
    """15.2 to 17.2, in an envelope of SOAP, with prefixes, CDATA and entities."""
    passengers = [f"PAX{i + 1}" for i in range(9)]
    segments = [f"SEG{i + 1}" for i in range(14)]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', NOTE,
             '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="urn:example:remarks">',
             ' <soap:Header><x:Trace x:hop="1">synthetic &#8211; not real</x:Trace></soap:Header>', " <soap:Body>",
             '  <OrderViewRS xmlns="http://www.iata.org/IATA/EDIST" Version="17.2">', "   <Response>", "    <Passengers>"]
    for i, key in enumerate(passengers):
        given, family = NAMES[i]
        family = family.replace("&", "&amp;")
        infant = ' refs="PAX1"' if i == 8 else ""
        lines += [f'     <Passenger ObjectKey="{key}"{infant}><PTC>{"INF" if i == 8 else "ADT"}</PTC><Name><Surname>{family}</Surname>'
                  f"<Given>{given}</Given></Name></Passenger>"]
    lines += ["    </Passengers>", '    <Order OrderID="SYN-ORDER-0001">', "     <OrderItems>"]
    for i in range(16):
        chosen = rng.sample(segments, 2)
        lines += [f'      <OrderItem OrderItemID="ITEM{i + 1}" refs="{rng.choice(passengers)} FARE{i % 6 + 1}">',
                  f'       <PriceDetail><TotalAmount Code="XTS">{rng.randrange(5000, 90000) / 100:.2f}</TotalAmount></PriceDetail>',
                  f"       <FlightItem><SegmentReferences>{' '.join(chosen)}</SegmentReferences></FlightItem>"]
        if i % 3 == 0:
            lines += [f"       <x:Remark><![CDATA[seat <{rng.randrange(1, 40)}A> & meal, said the {rng.randrange(2, 9)}th caller]]></x:Remark>"]
        if i % 5 == 0:
            lines += ['       <Association ref="PEN1"/>']
        lines += ["      </OrderItem>"]
    lines += ["     </OrderItems>", "    </Order>", "    <DataLists>", "     <FlightSegmentList>"]
    for i, key in enumerate(segments):
        a, b = rng.sample(PLACES, 2)
        lines += [f'      <FlightSegment SegmentKey="{key}"><Departure><AirportCode>{a}</AirportCode><Date>2031-0{i % 9 + 1}-1{i % 9}</Date></Departure>'
                  f"<Arrival><AirportCode>{b}</AirportCode></Arrival><MarketingCarrier><AirlineID>X{i % 3}</AirlineID>"
                  f"<FlightNumber>{9000 + i}</FlightNumber></MarketingCarrier></FlightSegment>"]
    lines += ["     </FlightSegmentList>", "     <OriginDestinationList>"]
    for i in range(7):
        lines += [f'      <OriginDestination OriginDestinationKey="OD{i + 1}"><FlightReferences>{segments[2 * i]} {segments[2 * i + 1]}</FlightReferences></OriginDestination>']
    lines += ["     </OriginDestinationList>", "     <FareList>"]
    for i in range(6):
        lines += [f'      <FareGroup ListKey="FARE{i + 1}" refs="OD{i + 1} PEN{i % 2 + 1}"><Fare><FareCode>SYN{i}</FareCode></Fare></FareGroup>']
    lines += ["     </FareList>", "     <PenaltyList>",
              '      <Penalty ObjectKey="PEN1"><Details>Changes cost &lt; 50 &amp; refunds &gt; 0 &quot;mostly&quot;, that&apos;s all.</Details></Penalty>',
              '      <Penalty ObjectKey="PEN2" refs="PEN1 NOWHERE"><Details>As PEN1; it also names one that nobody has.</Details></Penalty>',
              "     </PenaltyList>", "     <ServiceList>"]
    for i in range(8):
        lines += [f'      <Service ObjectKey="SRV{i + 1}" refs="{passengers[i]} {segments[i]}"><Name>Bag n° {i + 1}</Name></Service>']
    lines += ["     </ServiceList>", "    </DataLists>", "   </Response>", "  </OrderViewRS>", " </soap:Body>", "</soap:Envelope>"]
    return "\n".join(lines) + "\n"


def iata_order_view(rng):
    """The later shape, two namespaces, links by elements."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', NOTE,
             '<IATA_OrderViewRS xmlns="http://www.iata.org/IATA/2015/EASD/00/IATA_OffersAndOrdersMessage"'
             ' xmlns:cns="http://www.iata.org/IATA/2015/EASD/00/IATA_OffersAndOrdersCommonTypes">', " <Response>", "  <DataLists>"]

    def pieces(name, entries):
        lines.append(f"   <{name}>")
        lines.extend("    " + each for each in entries)
        lines.append(f"   </{name}>")

    pieces("ContactInfoList", [f"<ContactInfo><cns:ContactInfoID>CI{i + 1}</cns:ContactInfoID><cns:EmailAddress>caller{i + 1}@example.invalid</cns:EmailAddress></ContactInfo>"
                               for i in range(6)])
    pieces("PaxList", [f"<Pax><cns:ContactInfoRefID>CI{i % 6 + 1}</cns:ContactInfoRefID><cns:Individual><cns:GivenName>{NAMES[i][0]}</cns:GivenName>"
                       f"<cns:Surname>{NAMES[i][1].replace('&', '&amp;')}</cns:Surname></cns:Individual><cns:PaxID>PAX{i + 1}</cns:PaxID><cns:PTC>ADT</cns:PTC></Pax>"
                       for i in range(12)])
    pieces("DatedMarketingSegmentList", [f"<DatedMarketingSegment><cns:CarrierDesigCode>X{i % 3}</cns:CarrierDesigCode><cns:DatedMarketingSegmentId>MKT{i + 1}</cns:DatedMarketingSegmentId>"
                                         f"<cns:MarketingCarrierFlightNumberText>{9100 + i}</cns:MarketingCarrierFlightNumberText></DatedMarketingSegment>" for i in range(10)])
    pieces("PaxSegmentList", [f"<PaxSegment><cns:PaxSegmentID>SEG{i + 1}</cns:PaxSegmentID><cns:DatedMarketingSegmentRefId>MKT{i + 1}</cns:DatedMarketingSegmentRefId></PaxSegment>"
                              for i in range(10)])
    pieces("PaxJourneyList", [f"<PaxJourney><cns:PaxJourneyID>JRN{i + 1}</cns:PaxJourneyID><cns:PaxSegmentRefID>SEG{2 * i + 1}</cns:PaxSegmentRefID>"
                              f"<cns:PaxSegmentRefID>SEG{2 * i + 2}</cns:PaxSegmentRefID></PaxJourney>" for i in range(5)])
    pieces("ServiceDefinitionList", [f"<ServiceDefinition><cns:Desc><cns:DescText><![CDATA[<b>Bag</b> & lounge № {i + 1}]]></cns:DescText></cns:Desc>"
                                     f"<cns:Name>Synthetic service {i + 1}</cns:Name><cns:ServiceDefinitionID>SD{i + 1}</cns:ServiceDefinitionID></ServiceDefinition>" for i in range(6)])
    lines += ["  </DataLists>", "  <Order>", "   <cns:OrderID>SYN-ORDER-0002</cns:OrderID>"]
    for i in range(14):
        lines += ["   <OrderItem>", f"    <cns:OrderItemID>ITEM{i + 1}</cns:OrderItemID>",
                  f"    <cns:Price><cns:TotalAmount CurCode=\"XTS\">{rng.randrange(5000, 90000) / 100:.2f}</cns:TotalAmount></cns:Price>",
                  f"    <cns:Service><cns:ServiceID>S{i + 1}</cns:ServiceID><cns:PaxRefID>PAX{i % 12 + 1}</cns:PaxRefID>",
                  f"     <cns:ServiceAssociations><cns:PaxJourneyRefID>JRN{i % 5 + 1}</cns:PaxJourneyRefID><cns:ServiceDefinitionRefID>SD{i % 6 + 1}</cns:ServiceDefinitionRefID></cns:ServiceAssociations>",
                  "    </cns:Service>", "   </OrderItem>"]
    lines += ["  </Order>", " </Response>", "</IATA_OrderViewRS>"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (HERE / "order_view.xml").write_text(order_view(random.Random(1)), encoding="utf-8")
    (HERE / "iata_order_view.xml").write_text(iata_order_view(random.Random(2)), encoding="utf-8")
